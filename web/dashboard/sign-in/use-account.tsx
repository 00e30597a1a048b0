import { createContext, use, useSyncExternalStore, type ReactNode } from 'react';
import { useSpeech } from '../text/language.tsx';
import type { Account, AccountState } from './account.ts';
import { meets } from './role.ts';
import type { Role } from './viewer.ts';

const AccountContext = createContext<Account | null>(null);

export function SignedIn({ account, children }: { readonly account: Account; readonly children: ReactNode }) {
  return <AccountContext value={account}>{children}</AccountContext>;
}

export function useAccount(): AccountState & { readonly account: Account } {
  const account = use(AccountContext);
  if (account === null) throw new Error('useAccount is used outside of SignedIn.');
  return { account, ...useSyncExternalStore(account.subscribe, account.read) };
}

/** Whether whoever looks has at least this role. */
export function useMay(need: Role): boolean {
  const role = useAccount().viewer?.role ?? null;
  return role !== null && meets(role, need);
}

/** Why something that was under way does not come on. */
export function useLostText(): string {
  const { texts } = useSpeech();
  return useAccount().status === 'out' ? texts.signIn.paused : texts.playground.reconnecting;
}
