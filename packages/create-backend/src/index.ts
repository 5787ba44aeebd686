/** Makes projects of new backends. `npm create @paragraft/backend` is this and a command line. */
export { type ProjectNames, projectNames } from './names.ts'
export { type Scaffolded, type ScaffoldOptions, scaffold } from './scaffold.ts'
