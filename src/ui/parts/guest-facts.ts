/** What a guest has, for the parts of the page that show or change it. */
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { GuestFacts } from '../../dom0/service/index.ts';
import { host } from '../host.ts';
import type { DomainSession } from '../sessions.ts';

const LOOK_MS = 1000;

/** What is known of a guest, looked at each second, and at once when `asked` is another; undefined: nothing yet. */
export function useFacts(session: DomainSession, asked: number): GuestFacts | undefined {
  const facts = useSignal<GuestFacts | undefined>(undefined);
  useEffect(() => {
    let closed = false;
    const look = () => {
      if (!document.hidden)
        host.inspect('guest', session.id).then(
          seen => {
            if (!closed) facts.value = seen;
          },
          () => {
            if (!closed && session.gone.peek()) facts.value = undefined;
          },
        );
    };
    look();
    const timer = setInterval(look, LOOK_MS);
    return () => {
      closed = true;
      clearInterval(timer);
    };
  }, [session, asked]);
  return facts.value;
}
