/** How the last reading of the configuration went. */
export interface ConfigStatus {
  /** Why what was read last is not in force; null where it is. */
  readonly problem: string | null;
  /** When it was last read without a mistake, milliseconds since 1970. */
  readonly readAt: number;
}
