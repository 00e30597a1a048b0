/** What a caller may do; an ADMIN may do what a USER may, a USER what a VIEWER may. A WORKER lends a browser, no more. */
export const ROLES = ['VIEWER', 'USER', 'ADMIN', 'WORKER'] as const;
export type Role = (typeof ROLES)[number];

/** Who asks, whatever transport brought the operation. */
export interface Caller {
  /** Callers share the queue fairly, and limits count by it. */
  readonly id: string;
  readonly role: Role;
  /**
   * Whose generations, comparisons and evaluations it may see, resume, cancel and delete: those it started itself; null
   * for all of them, where the gateway asks nobody who he is.
   */
  readonly sees: string | null;
}

/** A caller of a gateway that asks nobody who he is. */
export const openCaller = (id: string): Caller => ({ id, role: 'ADMIN', sees: null });
