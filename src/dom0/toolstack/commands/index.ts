/** The commands: a line here and an entry in a file of this folder make one, for the page, the command line, help and the shell. */
import { buttonPress, create, destroy, dmesg, pause, reboot, shutdown, trigger, unpause } from './life-usage.ts';
import { hostSet, info } from './host.ts';
import { claims, domid, domname, list, sharing, uptime, vmList } from './lists.ts';
import { blockAttach, blockDetach, blockList } from './block.ts';
import { cdEject, cdInsert } from './cd.ts';
import { exitControls } from './exit-controls.ts';
import { attachConsole } from './console.ts';
import { gdb } from './gdb.ts';
import { debugKeys } from './debug-keys.ts';
import { sendKey, sysrq } from './input.ts';
import { define, log, remove, start } from './managed.ts';
import { cpupoolList } from './pools.ts';
import { networkAttach, networkDetach, networkList } from './network.ts';
import { memSet, schedCredit, vcpuPin } from './resources.ts';
import { vcpuList, vcpuSet } from './processors.ts';
import { configUpdate, dumpCore, memMax, rename } from './settings.ts';
import { clone, revert, snapshot, snapshotDelete, snapshotList } from './snapshots.ts';
import { migrate } from './migrate.ts';
import { remus } from './remus.ts';
import { restore, save } from './save.ts';
import { breakAt } from './break.ts';
import { step } from './step.ts';
import { back } from './back.ts';
import { storeWrite } from './store.ts';
import { top } from './top.ts';
import { diskPath, trace } from './trace.ts';
import { transfer } from './transfer.ts';
import { vncviewer } from './vncviewer.ts';

export const COMMANDS = {
  create,
  list,
  info,
  dmesg,
  'host-set': hostSet,
  pause,
  unpause,
  shutdown,
  reboot,
  destroy,
  save,
  restore,
  migrate,
  remus,
  snapshot,
  'snapshot-list': snapshotList,
  'snapshot-delete': snapshotDelete,
  revert,
  clone,
  trigger,
  'button-press': buttonPress,
  'mem-set': memSet,
  'sched-credit': schedCredit,
  'cpupool-list': cpupoolList,
  'vcpu-pin': vcpuPin,
  'block-attach': blockAttach,
  'block-detach': blockDetach,
  'block-list': blockList,
  'cd-insert': cdInsert,
  'cd-eject': cdEject,
  transfer,
  'network-attach': networkAttach,
  'network-detach': networkDetach,
  'network-list': networkList,
  domid,
  domname,
  'vm-list': vmList,
  sharing,
  claims,
  uptime,
  console: attachConsole,
  vncviewer,
  rename,
  'mem-max': memMax,
  'vcpu-list': vcpuList,
  'vcpu-set': vcpuSet,
  top,
  'debug-keys': debugKeys,
  step,
  back,
  'exit-controls': exitControls,
  'store-write': storeWrite,
  break: breakAt,
  gdb,
  sysrq,
  'send-key': sendKey,
  'dump-core': dumpCore,
  'disk-path': diskPath,
  trace,
  'config-update': configUpdate,
  new: define,
  start,
  delete: remove,
  log,
};

export {
  bind,
  type Bound,
  type Call,
  command,
  type Command,
  type Deeds,
  perform,
  Refusal,
  type Table,
} from './command.ts';
export { openConsole } from './console.ts';
export { keyCode } from './input.ts';
export { spellingsOf } from '../hypervisors/index.ts';
export { askedPort } from './asked-port.ts';
export { screenPort } from './vncviewer.ts';
export { attachXl, commandNamed, helpOf, namesOf, runXl } from './words.ts';
