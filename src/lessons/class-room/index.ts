/** A class of several machines: loaded where an address names a hub. */
export { ClassRoom, type ClassRoomParts } from './class-room.ts';
