/** What programs of a terminal are made of: their contract, their calls of the toolstack's commands, and the editor. */
export { callOf } from './call.ts';
export { edit, type EditParts, type Verdict } from './editor.ts';
export { editManaged, judgeText } from './edit-managed.ts';
export {
  aborted,
  absolutePath,
  failed,
  type Owned,
  type Program,
  type Ran,
  succeeded,
  type Surroundings,
  type Terminal,
} from './program.ts';
