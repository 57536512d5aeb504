/** Lo que se dice de un archivo que todavía no es una lección o un curso, y de una lección que no avanza, en español. */
import type { Said } from './en.ts';

export const es: Said = {
  long: most => `Una lección tiene como mucho ${most} caracteres, y este archivo tiene más. Suelta otro, o divídelo.`,
  begins: 'Una lección empieza con una línea ---, su título y otra línea ---. Escríbelos.',
  headIsOpen: 'La cabecera no está cerrada. Escribe una línea --- detrás de ella.',
  noTitle: 'La lección no tiene título. Escribe title: y su nombre en la cabecera.',
  inHead: line =>
    `«${line}» no significa nada en una cabecera. Escribe title: PALABRAS, about: PALABRAS, goal: PALABRAS, picture: NOMBRE of INVITADO o draw NOMBRE: MENOR to MAYOR step PASO.`,
  picture: (value, pictures) => `«${value}» no es ninguna imagen. Hay ${pictures}.`,
  draw: (value, name) => `«${value}» no dice números. Escribe por ejemplo draw ${name}: 100 to 900 step 50.`,
  drawn: name => `{${name}} no se sortea. Escribe draw ${name}: 10 to 20 en la cabecera, o quita las llaves.`,
  step: title =>
    `«${title}» no es ningún paso. Escribe ## Predict, ## Do, ## Measure, ## Explain o ## In reality, o usa ### para un título dentro de un paso.`,
  order: (title, before) =>
    `${title} no puede ir detrás de ${before ? `## ${before}` : 'la cabecera'}. El orden es Predict, Do, Measure, Explain, e In reality al final.`,
  noReality: 'La lección no termina con un título ## In reality. Escribe qué no es así en el hardware real.',
  beforeSteps: 'Hay texto antes del primer paso. Empieza con ## Predict.',
  html: text => `${text} es HTML, que una lección no puede tener. Escríbelo en Markdown.`,
  image: 'Una lección no tiene ilustraciones: muestra la máquina. Quita la ilustración.',
  noGuest: 'La lección no tiene ningún invitado. Escribe un bloque que empiece con ```guest y tenga su definición.',
  mostGuests: most => `Una lección tiene como mucho ${most} invitados.`,
  noName: 'La definición no tiene nombre. Escribe name = "lab", con letras, cifras, _ y -.',
  twice: name => `Hay dos invitados que se llaman ${name}. Dale otro nombre a uno.`,
  kernel: (kernel, small) =>
    `kernel = "${kernel}" no es ningún núcleo que tenga una lección. Escribe minipv.elf, demo.elf o ${small}.`,
  place: (word, place) =>
    `Un bloque de ${word} va debajo de ## ${place[0]!.toUpperCase()}${place.slice(1)}. Llévalo allí.`,
  meant: (word, meant) => `Un bloque de «${word}» se mostraría como texto. ¿Querías decir \`\`\`${meant}?`,
  empty: word => `El bloque de ${word} está vacío. Escribe una línea en él, o quítalo.`,
  predict: 'Una predicción es una sola línea, NOMBRE: PREGUNTA. Escribe por ejemplo guess: ¿Cuántas salidas habrá?',
  row: line =>
    `«${line}» no mide nada. Escribe NOMBRE = EXPRESIÓN | PALABRAS, y detrás | NOMBRE de una predicción si la hay.`,
  hint: line => `«${line}» no es ninguna pista. Escribe NOMBRE < EXPRESIÓN | lo que no vio quien lo dijo.`,
  check: line =>
    `«${line}» no es ninguna comprobación. Escribe EXPRESIÓN | lo que se cumple | qué hacer si no se cumple.`,
  action: (line, forms) => `«${line}» no es nada que la página sepa hacer. Escribe una de estas formas: ${forms}.`,
  expression: (text, why) => `En «${text}»: ${why}`,
  mostWords: (words, most) => `la expresión tiene ${words} palabras, más de ${most}. Haz dos de ella.`,
  ends: 'la expresión termina donde debería haber un número o un nombre. Complétala.',
  parenthesis: 'un paréntesis no está cerrado. Escribe ).',
  noWord: word => `«${word}» no es ni un número ni un nombre. Escribe + - * / = < > <= >= and, entre espacios.`,
  behind: word => `«${word}» está donde debería terminar la expresión. Escribe delante un operador entre espacios.`,
  guest: (name, guests) =>
    `Ningún invitado de la lección se llama ${name}. ${guests.length > 0 ? `Hay ${guests.join(', ')}` : 'No hay ninguno'}.`,
  fact: (fact, near) =>
    `No hay ningún dato ${fact}. ${near ? `¿Querías decir ${near}?` : 'La guía para autores los enumera todos.'}`,
  unknown: name => `${name} ni se ha medido antes ni se predice. Escríbelo primero en un bloque de measure.`,
  hintAbout: answer =>
    `Una pista trata de ${answer || 'nada'}, que nadie predice. Empiézala con el nombre de una predicción.`,
  prediction: name => `Ninguna predicción se llama ${name}. Escribe un bloque de predict con ${name}: PREGUNTA.`,
  run: {
    noSource: guest => `${guest} no tiene un código fuente que se pueda cambiar. Toma un invitado pequeño.`,
    noLine: (guest, lines, line) =>
      `El código fuente de ${guest} tiene ${lines} líneas, y ninguna línea ${line}. Corrige la lección.`,
    gone: guest => `${guest} no está en marcha. Repite el paso.`,
    noFact: name => `La máquina no tiene ningún dato ${name}.`,
    infinite: row => `«${row}» no tiene valor: algo se divide entre 0. Repite el paso.`,
    undefined: 'No tiene valor: 0 se divide entre 0.',
  },
  course: {
    long: most => `Un curso tiene como mucho ${most} caracteres, y este archivo tiene más. Divídelo.`,
    inHead: line =>
      `«${line}» no significa nada en la cabecera de un curso. Escribe course: PALABRAS o about: PALABRAS.`,
    begins: 'Un curso empieza con una línea ---, course: y su nombre, y otra línea ---. Escríbelos.',
    empty: 'El curso no tiene ninguna lección. Escribe una lista: 1. [su título](su palabra, o su dirección https).',
    place: text => `«${text}» no tiene sitio en un curso. Escribe títulos de nivel 2, texto y listas numeradas.`,
    entry: text =>
      `«${text}» no es ninguna lección. Escribe [su título](su palabra, o su dirección https), y detrás palabras.`,
  },
};
