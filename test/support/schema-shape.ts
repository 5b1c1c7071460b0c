/** The parts of a valibot schema that say which values there are. */
export interface SchemaShape {
  readonly type: string
  readonly entries?: Readonly<Record<string, SchemaShape>>
  readonly item?: SchemaShape
  readonly wrapped?: SchemaShape
  readonly options?: readonly unknown[]
  /** The schema itself, then what is asked of it besides. */
  readonly pipe?: readonly SchemaShape[]
}
