/** The commands: a line here and an entry in a file of this folder make one, for the page, the command line, help and the shell. */
import { create, destroy, pause, reboot, shutdown, trigger, unpause } from './life.ts';
import { dmesg, info } from './host.ts';
import { domid, domname, list, uptime, vmList } from './lists.ts';
import { attachConsole } from './console.ts';
import { define, remove, start } from './managed.ts';
import { networkList, showmacs } from './network.ts';
import { memSet, schedCredit, vcpuPin } from './resources.ts';
import { restore, save } from './state.ts';

export const COMMANDS = {
  create,
  list,
  info,
  dmesg,
  pause,
  unpause,
  shutdown,
  reboot,
  destroy,
  save,
  restore,
  trigger,
  'mem-set': memSet,
  'sched-credit': schedCredit,
  'vcpu-pin': vcpuPin,
  'network-list': networkList,
  showmacs,
  domid,
  domname,
  'vm-list': vmList,
  uptime,
  console: attachConsole,
  new: define,
  start,
  delete: remove,
};

export { bind, type Bound, type Call, command, type Command, Refusal, type Table } from './command.ts';
export { attachXl, helpOf, helpOn, namesOf, runXl } from './words.ts';
