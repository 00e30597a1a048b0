import type { ResultOf } from 'gql.tada';
import { Client, fetchExchange } from 'urql';
import { problemOf, refusal, type Problem } from '../api/problem.ts';
import { VIEWER } from './documents.ts';

/** Who asks, as the gateway knows it. */
export type Viewer = ResultOf<typeof VIEWER>['viewer'];
export type IdentityProvider = NonNullable<Viewer['identityProvider']>;
export type Role = NonNullable<Viewer['role']>;

/** Visible ASCII: anything else is no key and no token, and no header could carry it. */
const CREDENTIAL = /^[!-~]+$/;

export const authorization = (credential: string | null): Record<string, string> =>
  credential === null ? {} : { authorization: `Bearer ${credential}` };

/** Who somebody is that shows `credential`, or why it does not count. */
export async function askViewer(origin: string, credential: string | null): Promise<Viewer | Problem> {
  if (credential !== null && !CREDENTIAL.test(credential)) return refusal('SCHEME');
  // By itself: everything else waits for the answer.
  const client = new Client({
    url: `${origin}/graphql`,
    preferGetMethod: false,
    fetchOptions: { headers: authorization(credential) },
    exchanges: [fetchExchange],
  });
  const { data, error } = await client.query(VIEWER, {}).toPromise();
  return data?.viewer ?? problemOf(error!);
}
