/** Machine memory, for inspectors: asked for when the first one is opened, and again of each Domain 0. */

import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { MachineView } from '../../hypervisor/view/index.ts';
import { host, hostsLost } from '../host.ts';

/** Undefined: it is asked for; without `view`: this browser does not share it with the page. */
export function useMachine() {
  const machine = useSignal<{ view?: MachineView } | undefined>(undefined);
  const lost = hostsLost.value;
  useEffect(() => {
    let gone = false;
    machine.value = undefined;
    host.inspect('machine', 0).then(
      ({ memory }) => {
        if (!gone) machine.value = memory ? { view: new MachineView(memory) } : {};
      },
      () => {
        if (!gone) machine.value = {};
      },
    );
    return () => {
      gone = true;
    };
  }, [lost]);
  return machine;
}

/** What is seen of the machine, looked at again and again while it is shown; undefined: this browser does not share its memory. */
export function useLook<Data>(
  everyMs: number,
  look: (machine: MachineView) => Data,
  end?: () => void,
): Data | undefined {
  const machine = useMachine().value?.view,
    seen = useSignal<Data | undefined>(undefined);
  useEffect(() => {
    if (!machine) return;
    const read = () => {
      if (!document.hidden) seen.value = look(machine);
    };
    read();
    const timer = setInterval(read, everyMs);
    return () => {
      clearInterval(timer);
      end?.();
    };
  }, [machine]);
  return seen.value;
}
