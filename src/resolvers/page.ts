import { ArgsType, Field, Int } from 'type-graphql';
import { validate as isId } from 'uuid';
import { MixgateError } from '../errors.ts';
import type { Page } from '../generation/history/archive.ts';
import type { PageQuery } from '../generation/history/history-store.ts';

const MAX_PAGE = 200;

@ArgsType()
export class PageArgs {
  @Field(() => Int, { nullable: true, defaultValue: 20 })
  first?: number | null;

  @Field(() => String, { nullable: true })
  after?: string | null;
}

/** A connection of what is listed, newest first; cursors are ids. @throws INVALID_INPUT for a page of no possible size, or after what is no cursor */
export async function pageOf<Filter, Facts extends { readonly id: string }>(
  { first, after }: PageArgs,
  filter: Filter,
  list: (query: PageQuery<Filter>) => Promise<Page<Facts>>,
) {
  const size = first ?? 20;
  if (size < 1 || size > MAX_PAGE)
    throw new MixgateError('INVALID_INPUT', `first: must be 1 to ${MAX_PAGE}.`);
  if (typeof after === 'string' && !isId(after))
    throw new MixgateError('INVALID_INPUT', 'after: must be the cursor of an edge, or endCursor.');
  const { page, hasNextPage } = await list({ filter, first: size, after: after?.toLowerCase() ?? null });
  const edges = page.map((node) => ({ cursor: node.id, node }));
  return { edges, pageInfo: { hasNextPage, endCursor: edges.at(-1)?.cursor ?? null } };
}

/** @throws INVALID_INPUT for a cursor that was never given out */
export function cursorIn({ lastSequence }: { readonly lastSequence: number }, after: number): number {
  if (after >= 0 && after <= lastSequence) return after;
  throw new MixgateError('INVALID_INPUT', `after: must be 0 to ${lastSequence}, the newest sequence number.`);
}
