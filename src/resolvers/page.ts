import { ArgsType, Field, Int } from 'type-graphql';
import { MixgateError } from '../errors.ts';

const MAX_PAGE = 200;

@ArgsType()
export class PageArgs {
  @Field(() => Int, { nullable: true, defaultValue: 20 })
  first?: number | null;

  @Field(() => String, { nullable: true })
  after?: string | null;
}

interface Listed<Facts> {
  list(first: number, after: string | null): { page: readonly Facts[]; hasNextPage: boolean };
}

/** A connection of what is listed, newest first; cursors are ids. @throws INVALID_INPUT for a page of no possible size */
export function pageOf<Facts extends { readonly id: string }>(
  { first, after }: PageArgs,
  listed: Listed<Facts>,
) {
  const size = first ?? 20;
  if (size < 1 || size > MAX_PAGE)
    throw new MixgateError('INVALID_INPUT', `first: must be 1 to ${MAX_PAGE}.`);
  const { page, hasNextPage } = listed.list(size, after ?? null);
  const edges = page.map((node) => ({ cursor: node.id, node }));
  return { edges, pageInfo: { hasNextPage, endCursor: edges.at(-1)?.cursor ?? null } };
}

/** @throws INVALID_INPUT for a cursor that was never given out */
export function cursorIn({ lastSequence }: { readonly lastSequence: number }, after: number): number {
  if (after >= 0 && after <= lastSequence) return after;
  throw new MixgateError('INVALID_INPUT', `after: must be 0 to ${lastSequence}, the newest sequence number.`);
}
