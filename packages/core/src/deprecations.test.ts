import { expect, test } from 'vitest'
import { DEPRECATIONS, type DeprecationNotice, deprecation, tellOnce } from './deprecations.ts'

test('a notice says who, what, since when and until when, and what to do instead', () => {
  expect(deprecation('backend-without-supports', 'old-backend')).toEqual({
    ...DEPRECATIONS['backend-without-supports'],
    code: 'PG_DEPRECATED',
    id: 'backend-without-supports',
    who: 'old-backend',
    message:
      'old-backend: a backend that does not say what it supports is deprecated since plug-in API 1.1.0, and will be ' +
      'refused from 2.0.0 on',
  })
})

test.each([
  [false, ['config-backend-options c', 'config-backend-options d']],
  [true, ['config-backend-options c', 'backend-without-supports b', 'config-backend-options d']],
])('each is told once, and some only to those who ask (asked: %s)', (asked, expected) => {
  const told: DeprecationNotice[] = []
  const tell = tellOnce(notice => told.push(notice), asked)
  for (let twice = 0; twice < 2; twice++) {
    tell(deprecation('config-backend-options', 'c'))
    tell(deprecation('backend-without-supports', 'b'))
    tell(deprecation('config-backend-options', 'd'))
  }
  expect(told.map(({ id, who }) => `${id} ${who}`)).toEqual(expected)
})
