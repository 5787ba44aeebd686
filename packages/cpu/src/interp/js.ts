/**
 * The same interpreter as JavaScript: the reference, and the fallback where WebAssembly may not be compiled. One
 * function per handler, generated from the same list.
 */
import { BLOCK_HEADER, REC_HANDLER, RECORD_SIZE } from '../decode/record.ts'
import { jsStmts } from '../ir/emit-js.ts'
import type { Exit } from '../ir/ir.ts'
import { LOCAL_BLOCK, LOCAL_REC, LOCAL_RESULT } from '../isa/builder.ts'
import { FIRST_TEMP } from '../isa/emitter.ts'
import type { Handler, HandlerSet } from './handlers.ts'
import { enterCode, lookupCode, RETURN_FAULT } from './lookup.ts'
import type { Helpers, RunBlocks } from './wasm.ts'

const local = (i: number): string => `v${i}`
const EXITS: Record<Exit, string> = {
  next: 'return 0;',
  skip: 'return 4;',
  lookup: 'return 1;',
  enter: 'return 2;',
  fault: `${local(LOCAL_RESULT)}=${RETURN_FAULT};return 3;`,
  return: 'return 3;',
}

/** Handlers share the block, link and result variables; the record is a parameter, temporaries are their own. */
function handlerText(h: Handler): string {
  const names = [
    ...Array.from({ length: h.temps.i32 - FIRST_TEMP }, (_, i) => `v${i + FIRST_TEMP}=0`),
    ...Array.from({ length: h.temps.i64 }, (_, i) => `w${i}=0n`),
  ]
  const declare = names.length > 0 ? `let ${names.join(',')};` : ''
  return `function(${local(LOCAL_REC)}){${declare}${jsStmts(h.body, to => EXITS[to])}return 0;}`
}

/** The source text of the reference interpreter: a function body over V, I32, U8, U16 and H that returns `run`. */
export function emitReference(set: HandlerSet): string {
  return `
let v0=0,v2=0,v3=0;
const R=(a,n)=>(a<<n)|(a>>>(32-n));
const CTZ=(a)=>a===0?32:31-Math.clz32(a&-a);
const POPCNT=(a)=>{let n=0;for(;a!==0;a&=a-1)n++;return n};
const lookup=${handlerText(lookupCode())};
const enter=${handlerText(enterCode(false))};
const h=[${set.handlers.map(handlerText).join(',\n')}];
return function run(block){
  v${LOCAL_BLOCK}=block; v2=0; v${LOCAL_RESULT}=0;
  for(;;){
    if(v${LOCAL_BLOCK}===0&&lookup(0)===3) return v${LOCAL_RESULT};
    for(;;){
      if(enter(0)===3) return v${LOCAL_RESULT};
      let rec=v${LOCAL_BLOCK}+${BLOCK_HEADER}, to;
      for(;;){
        to=h[U16[(rec+${REC_HANDLER})>>>1]](rec);
        if(to===0) rec+=${RECORD_SIZE}; else if(to===4) rec+=${2 * RECORD_SIZE}; else break
      }
      if(to===3) return v${LOCAL_RESULT};
      if(to===1){ v${LOCAL_BLOCK}=0; break }
    }
  }
}`
}

export function createReferenceInterpreter(set: HandlerSet, buffer: ArrayBufferLike, helpers: Helpers): RunBlocks {
  const make = new Function('V', 'I32', 'U8', 'U16', 'H', emitReference(set))
  return make(
    new DataView(buffer),
    new Int32Array(buffer),
    new Uint8Array(buffer),
    new Uint16Array(buffer),
    helpers,
  ) as RunBlocks
}
