import { useEffect } from 'react';

/** What a screen reader says first of a page, and what the tab is called. */
export function useTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} · mixgate`;
  }, [title]);
}
