/* Code page 437 (make-fonts.mjs), in segment E000. The lower half of the 8 x 8 font has its place at F000:FA6E (entry.S). */
        .section .fonts, "a"
        .globl  font_8x16, font_8x14, font_8x8_high
font_8x16:
        .incbin "font-8x16.bin"
font_8x14:
        .incbin "font-8x14.bin"
font_8x8_high:
        .incbin "font-8x8.bin", 1024, 1024
