const KEY = 'mixgate.credential';
/** Written anew by each tab that signs out; what it says is of no use. */
const SIGNED_OUT = 'mixgate.signed-out';

/** What was shown to sign in: in this tab, else in this browser. Also read by the worker page, in its frame. */
export const keptCredential = (): string | null => sessionStorage.getItem(KEY) ?? localStorage.getItem(KEY);

/** Until somebody signs out; otherwise until the tab is closed. */
export function keepCredential(credential: string, isLasting: boolean): void {
  for (const storage of [sessionStorage, localStorage]) storage.removeItem(KEY);
  (isLasting ? localStorage : sessionStorage).setItem(KEY, credential);
}

/** Here, and in every other tab of this browser. */
export function forgetCredential(): void {
  for (const storage of [sessionStorage, localStorage]) storage.removeItem(KEY);
  localStorage.setItem(SIGNED_OUT, crypto.getRandomValues(new Uint32Array(2)).join('-'));
}

export interface OtherTabs {
  readonly onSignedIn: () => void;
  readonly onSignedOut: () => void;
}

/** Tells what other tabs of this browser do. */
export function watchOtherTabs({ onSignedIn, onSignedOut }: OtherTabs): void {
  window.addEventListener('storage', ({ key, newValue }) => {
    if (key === SIGNED_OUT) onSignedOut();
    if (key === KEY && newValue !== null) onSignedIn();
  });
}
