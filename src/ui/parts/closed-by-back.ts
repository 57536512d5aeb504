/** A dialog is of the page over which it opened: the browser's Back, a phone's way out, closes it. */
import { useEffect } from 'preact/hooks';

export function useClosedByBack(close: () => void): void {
  useEffect(() => {
    window.addEventListener('popstate', close);
    return () => window.removeEventListener('popstate', close);
  }, []);
}
