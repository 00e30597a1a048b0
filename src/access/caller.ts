/** What a caller may do; an ADMIN may do what a USER may, a USER what a VIEWER may. A WORKER lends a browser, no more. */
export const ROLES = ['VIEWER', 'USER', 'ADMIN', 'WORKER'] as const;
export type Role = (typeof ROLES)[number];

/** Who asks, whatever transport brought the operation. */
export interface Caller {
  /** Callers share the queue fairly, and limits count by it. */
  readonly id: string;
  /** Null while it has not shown who it is, where that is asked. */
  readonly role: Role | null;
  /**
   * Whose generations, comparisons and evaluations it may see, resume, cancel and delete: those it started itself; null
   * for all of them, where the gateway asks nobody who he is.
   */
  readonly sees: string | null;
  /** What people call it; null where it has not shown who it is. */
  readonly name: string | null;
  /** Of the API key that it showed. */
  readonly keyId: string | null;
  /** From when on what it showed does not count any more; null: never. */
  readonly expiresAt: Date | null;
}

/** A caller of a gateway that asks nobody who he is. */
export const openCaller = (id: string): Caller => ({
  ...{ id, role: 'ADMIN', sees: null },
  ...{ name: null, keyId: null, expiresAt: null },
});

/** A caller that has shown nothing, where something is needed for almost everything. */
export const unknownCaller = (id: string): Caller => ({
  ...{ id, role: null, sees: id },
  ...{ name: null, keyId: null, expiresAt: null },
});
