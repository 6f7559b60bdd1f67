/** Own bars or trades from the text of a CSV. Pure. */

import { candleOf, checkCount, NUMBERS, WALLS, type Clock, type OwnSource } from "./layout";

export const SEPARATORS = { comma: ",", semicolon: ";", tab: "\t" } as const;
export type Separator = keyof typeof SEPARATORS;

const SHOWN_LINES = 4;
const CLOCKS_OF_TEXT: readonly Clock[] = [...NUMBERS, ...WALLS, "written"];

/** The fields of a line; quotes may stand around a field. */
export function fieldsOf(line: string, separator: Separator): string[] {
  const fields: string[] = [];
  let [field, isQuoted] = ["", false];
  for (const letter of line) {
    if (letter === '"') isQuoted = !isQuoted;
    else if (letter === SEPARATORS[separator] && !isQuoted) {
      fields.push(field.trim());
      field = "";
    } else field += letter;
  }
  return [...fields, field.trim()];
}

export function linesOf(text: string): string[] {
  return text.replace(/^\uFEFF/, "").split(/\r\n|\n|\r/).filter((line) => line.trim());
}

/** As far as it is said how it is written: without a separator a line is one field. */
export function csvSource(lines: readonly string[], separator: Separator | null, hasHeader: boolean): OwnSource {
  const split = (line: string) => (separator ? fieldsOf(line, separator) : [line]);
  const first = lines.slice(0, SHOWN_LINES).map(split);
  return {
    line: "Line",
    columns: (first[0] ?? []).map((name) => ({ name, clocks: CLOCKS_OF_TEXT })),
    first,
    read: (layout) => {
      const data = lines.slice(hasHeader ? 1 : 0);
      checkCount(data.length);
      return data.map((line, place) => {
        const fields = split(line);
        return candleOf(`Line ${place + (hasHeader ? 2 : 1)}`, (column) => fields[column], layout);
      });
    },
  };
}
