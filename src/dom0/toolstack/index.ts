/** The toolstack: domains built, run, saved and buried. */
export { type Blueprint, type DomainConsole, type Member, blueprintOf, savedDrives, shapeOf } from './member.ts';
export { changeDisc } from './hotplug.ts';
export { Services, WHOLE_P2M } from './services.ts';
export { Toolstack, type ToolstackListener, type ToolstackParts } from './toolstack.ts';
