import { info } from '../../src/ui/host.ts';
import type { Panel } from '../../src/ui/panel.ts';

export const machinePanel: Panel = {
  id: 'machine',
  region: 'bench',
  name: 'Machine',
  show: here => here.kind === 'machine' && <Machine />,
  from: here => (here.kind === 'machine' ? undefined : { kind: 'machine' }),
};

function Machine() {
  return (
    <p>
      {info.value?.freeMiB} of {info.value?.memoryMiB} MiB are free.
    </p>
  );
}
