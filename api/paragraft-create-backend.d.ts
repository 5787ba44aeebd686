// dist/index.d.ts
interface ProjectNames {
    /** The package's. */
    package: string;
    /** The backend's, by which it is run: `--backend my-hv`. */
    backend: string;
    /** The same as a word of a class's name: `MyHv`. */
    word: string;
}
/**
 * The names for a project in `folder`; `packageName` if the user chose one. A plain name becomes `paragraft-backend-…`, where
 * `--backend` looks for it. Throws `PG_CREATE_NAME`.
 */
declare function projectNames(folder: string, packageName?: string): ProjectNames;

interface ScaffoldOptions {
    /** Where the project is made; an existing folder must be empty. */
    directory: string;
    /** The package's name. Default: from the folder's. */
    packageName?: string;
}
interface Scaffolded {
    directory: string;
    names: ProjectNames;
    /** Paths of what was written, relative, sorted. */
    files: string[];
}
/** Makes the project. Throws `PG_CREATE_NAME` and `PG_CREATE_FOLDER`, before anything is written. */
declare function scaffold({ directory, packageName }: ScaffoldOptions): Scaffolded;

export { type ProjectNames, type ScaffoldOptions, type Scaffolded, projectNames, scaffold };
