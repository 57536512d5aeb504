/** What a class at a hub needs: loaded where the address names one. */
export { ClassRoom } from '../../lessons/class-room/index.ts';
export { hubRoom, readCode, readHubAddress, secretsOf } from '../../dom0/pool/index.ts';
