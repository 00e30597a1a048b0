/** Signing in, and what a role may not, in English. */
export const signIn = {
  title: 'Sign in',
  about: 'This gateway asks who you are.',
  credential: 'API key or token',
  howToGet:
    'Whoever runs the gateway makes keys. The role viewer looks, user also asks and compares, admin also manages models:',
  keep: 'Keep it on this browser, until I sign out',
  button: 'Sign in',
  atProvider: (host: string) => `Sign in at ${host}`,
  againAbout:
    'What is shown stays, and goes on when you sign in as the same again. Nothing is asked of the gateway until then.',
  paused: 'It stopped here, because you are not signed in any more. It goes on when you sign in again.',
  reasons: {
    MISSING: 'This gateway asks for a key from now on.',
    UNKNOWN: 'This gateway does not know this key: check that it is whole, or have one made.',
    REVOKED: 'This key was revoked: use another one.',
    EXPIRED: 'This key or token has expired: use another one.',
    TOKEN: 'This token does not count here: it is not whole, or for something else.',
    SCHEME: 'This is no key and no token: there are characters in it that neither has.',
    UNREADABLE:
      'The gateway cannot read its keys, so that none counts. Its log says why; once that is mended, the same key counts again.',
    NO_ROLE: 'This token names no role of mixgate: whoever runs the identity provider has to give you one.',
  },
  signedInAs: 'Signed in as',
  role: 'Role',
  roles: { VIEWER: 'viewer', USER: 'user', ADMIN: 'admin', WORKER: 'worker' },
  until: 'Until',
  noEnd: 'it is revoked',
  signOut: 'Sign out',
  signOutAbout: 'In all tabs. The key and what was typed and asked in them are forgotten here.',
  needs: (what: string, needed: string, role: string) =>
    `${what}: this needs the role ${needed}, and yours is ${role}.`,
  toAsk: 'To ask and to compare',
  toLoad: 'To load, pin and unload models',
  toPull: 'To pull and remove models',
  whoAsked: (name: string | null, role: string) =>
    name === null ? `You are ${role} here.` : `You are signed in as ${name} (${role}).`,
};
