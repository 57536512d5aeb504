/** The devices of virtio but for its disks. */
export { VirtioBalloon } from '../balloon.ts';
export { VirtioConsole } from '../console.ts';
export { VirtioNet } from '../net.ts';
export { VirtioNineP } from '../nine-p.ts';
export { VirtioRng } from '../rng.ts';
