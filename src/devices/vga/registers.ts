/**
 * The VGA's registers: their indexes, by the names of IBM's manual (PS/2 Hardware Interface Technical Reference, "Video subsystem"), and what they hold after a
 * reset of the adapter.
 */

/** Sequencer. */
export const SEQ_RESET = 0,
  SEQ_CLOCKING_MODE = 1,
  SEQ_MAP_MASK = 2,
  SEQ_CHARACTER_MAP_SELECT = 3,
  SEQ_MEMORY_MODE = 4;

/** CRT controller. */
export const CRTC_HORIZONTAL_TOTAL = 0,
  CRTC_HORIZONTAL_DISPLAY_END = 1,
  CRTC_VERTICAL_TOTAL = 6,
  CRTC_OVERFLOW = 7,
  CRTC_PRESET_ROW_SCAN = 8,
  CRTC_MAXIMUM_SCAN_LINE = 9,
  CRTC_CURSOR_START = 0xa,
  CRTC_CURSOR_END = 0xb,
  CRTC_START_ADDRESS_HIGH = 0xc,
  CRTC_START_ADDRESS_LOW = 0xd,
  CRTC_CURSOR_LOCATION_HIGH = 0xe,
  CRTC_CURSOR_LOCATION_LOW = 0xf,
  CRTC_VERTICAL_RETRACE_START = 0x10,
  CRTC_VERTICAL_RETRACE_END = 0x11,
  CRTC_VERTICAL_DISPLAY_END = 0x12,
  CRTC_OFFSET = 0x13,
  CRTC_UNDERLINE_LOCATION = 0x14,
  CRTC_MODE_CONTROL = 0x17,
  CRTC_LINE_COMPARE = 0x18;

/** Graphics controller. */
export const GC_SET_RESET = 0,
  GC_ENABLE_SET_RESET = 1,
  GC_COLOR_COMPARE = 2,
  GC_DATA_ROTATE = 3,
  GC_READ_MAP_SELECT = 4,
  GC_MODE = 5,
  GC_MISCELLANEOUS = 6,
  GC_COLOR_DONT_CARE = 7,
  GC_BIT_MASK = 8;

/** Attribute controller; 0 to 15 are the palette. */
export const AC_MODE_CONTROL = 0x10,
  AC_COLOR_PLANE_ENABLE = 0x12,
  AC_PEL_PANNING = 0x13,
  AC_COLOR_SELECT = 0x14;

export const initialRegisters = () => ({
  misc: 0,
  feature: 0,
  sequencerIndex: 0,
  sequencer: new Uint8Array(8),
  graphicsIndex: 0,
  graphics: new Uint8Array(16),
  crtcIndex: 0,
  crtc: new Uint8Array(0x20),
  /** Attribute index with bit 5 (palette address source), and the flip-flop: true expects data. */
  attributeIndex: 0,
  attributeData: false,
  attribute: new Uint8Array(32),
  dacMask: 0xff,
  dacRead: 0,
  dacWrite: 0,
  /** Colour component that is next, and whether the DAC is being read. */
  dacStep: 0,
  dacReading: false,
  dac: new Uint8Array(768),
  latch: 0,
});
export type VgaRegisters = ReturnType<typeof initialRegisters>;
