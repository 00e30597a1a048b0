import type { ReactNode } from 'react';
import { useTitle } from '../shell/use-title.ts';
import { useSpeech } from '../text/language.tsx';
import { useAccount, useMay } from './use-account.tsx';
import type { Role } from './viewer.ts';

export interface RoleNoteProps {
  readonly need: Role;
  /** What is not offered. */
  readonly what: string;
}

/** Why something is not offered; nothing where it is. */
export function RoleNote({ need, what }: RoleNoteProps) {
  const { texts } = useSpeech();
  const role = useAccount().viewer?.role ?? null;
  const isOffered = useMay(need);
  if (isOffered || role === null) return null;
  const { needs, roles } = texts.signIn;
  return <p className="quiet">{needs(what, roles[need], roles[role])}</p>;
}

export interface ForRoleProps {
  readonly need: Role;
  /** What the page is called. */
  readonly title: string;
  readonly children: ReactNode;
}

/** A page that not everybody may see: who comes to it all the same is told what it takes. */
export function ForRole({ need, title, children }: ForRoleProps) {
  return useMay(need) ? children : <NotForRole need={need} title={title} />;
}

function NotForRole({ need, title }: Omit<ForRoleProps, 'children'>) {
  useTitle(title);
  return (
    <>
      <h1>{title}</h1>
      <RoleNote need={need} what={title} />
    </>
  );
}
