/** Plain text tables: columns as wide as their widest cell, numbers to the right. */

export interface Column<Row> {
  readonly title: string
  cell(row: Row): string | number
}

/** Lines of a table, header first, without trailing spaces. */
export function table<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const cells = rows.map(row => columns.map(column => column.cell(row)))
  const widths = columns.map((column, index) =>
    Math.max(column.title.length, ...cells.map(line => String(line[index]).length)),
  )
  const line = (values: readonly (string | number)[]): string =>
    values
      .map((value, index) => {
        const width = widths[index] as number
        return typeof value === 'number' ? String(value).padStart(width) : value.padEnd(width)
      })
      .join('  ')
      .trimEnd()
  // A column of numbers has its title at the right, too.
  const titles = columns.map((column, index) =>
    cells.length > 0 && cells.every(row => typeof row[index] === 'number')
      ? column.title.padStart(widths[index] as number)
      : column.title,
  )
  return `${[titles, ...cells].map(line).join('\n')}\n`
}
