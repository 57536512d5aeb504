/** Definitions: read from any format, judged, written back. */
export { alikeTags, TAGS_KEY, TAGS_URI, tagsProblem } from './tags.ts';
export { bootOrder, bootOrderProblem } from './boot-order.ts';
export { affinityLists, affinityProblem, ALL_CPUS, formatAffinity, formatCpus, parseCpus } from './cpus.ts';
export { NO_BOOT_CHECK } from './keys/xen.ts';
export {
  type Action,
  BAD_NAME,
  type Bios,
  cpuModelOf,
  type Card,
  type CardOptions,
  type DefinedDisk,
  type Definition,
  emulatedCard,
  emulatedCards,
  newDefinition,
} from './definition.ts';
export { memoryKiB } from './exact-memory.ts';
export { formatFinding, isError, isFault, judgeDefinition } from './judge-definition.ts';
export { verdicts } from './keys/verdicts-part.ts';
export { prepareToRead, writtenOver, xmlLanguage } from './source.ts';
export {
  maskedLine,
  maskedPasswords,
  unmaskedPasswords,
  withoutPassword,
  withoutPasswords,
} from './shown-passwords.ts';
export { lengthProblem, MOST_BYTES, parseXlConfig } from './xlcfg.ts';
export { type DiskSpec, formatDisk, parseDisk, placeUnderKvm } from './disk.ts';
export { changedKeys, changeDefinition } from './edit-xl.ts';
export { DEFAULT_NIC } from './keys/network.ts';
export { cardOf, parseVif } from './vif.ts';
export { otherKeys, others, writeValue, writeXlConfig } from './write-xl.ts';
export { deviceNumber } from './device-number.ts';
export { notCarried } from './not-carried.ts';
export { writeSxp } from './write-sxp.ts';
export { escapedXml, type LiveXml, writeXml } from './write-xml.ts';
export { nearest } from './nearest.ts';
export { writeJson } from './write-json.ts';
export { addKeys, buildByKeys, KEYS } from './keys.ts';
export type { Family, NewDomain, Plain } from './rule.ts';
export type { ValueType } from './values.ts';
