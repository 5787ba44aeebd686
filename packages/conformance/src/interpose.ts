/** Stepping between a backend and its machine: to watch it, or to make it do wrong and see the suite find out. */
import { type Backend, type BackendInstance, type BackendPorts, defineBackend } from '@paragraft/core/ops'

/** What is put in between. */
export interface Interposition {
  /** The ports as the backend is to see them. */
  ports?(ports: BackendPorts): BackendPorts
  /** The instance as the machine is to see it; `ports` are the machine's own. */
  instance?(instance: BackendInstance, ports: BackendPorts): BackendInstance
}

/** The same backend with something in between. */
export function interposed(backend: Backend, { ports: changed, instance: wrapped }: Interposition): Backend {
  return defineBackend({
    ...backend,
    create: ports => {
      const instance = backend.create(changed?.(ports) ?? ports)
      return wrapped?.(instance, ports) ?? instance
    },
  })
}

/** `target` with some members replaced; the others are its own, methods of classes with private fields too. */
export function overlay<T extends object>(target: T, members: Partial<T>): T {
  return new Proxy(target, {
    get: (_, key) => {
      if (Object.hasOwn(members, key)) return members[key as keyof T]
      const value = Reflect.get(target, key, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
    set: (_, key, value) => Reflect.set(target, key, value, target),
  })
}
