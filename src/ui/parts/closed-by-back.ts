/** A dialog is of the page over which it opened: the browser's Back, a phone's way out, closes it. */
import { useLayoutEffect } from 'preact/hooks';

/** Before it is seen: somebody may be quick. */
export function useClosedByBack(close: () => void): void {
  useLayoutEffect(() => {
    window.addEventListener('popstate', close);
    return () => window.removeEventListener('popstate', close);
  }, []);
}
