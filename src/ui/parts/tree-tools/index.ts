/** What is done with chosen rows of the tree, and its keys. */
export { ChosenBar } from '../chosen-bar.tsx';
export { pressInTree } from '../tree-keys.ts';
