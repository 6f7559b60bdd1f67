/** The numbers of a snapshot, whatever its record type. Pure. */

import type { Snapshot } from "./api";
import type { RecordType, ShownValue } from "./record_types";

/** An entry of a ladder: numbers, the strike first, and among them an array of earlier values. */
export type Row = readonly (number | null | readonly (number | null)[])[];

export function numberIn(snapshot: Snapshot | null, name: string): number | null {
  const found = snapshot?.[name];
  return typeof found === "number" ? found : null;
}

export function rowsOf({ ladder }: RecordType, snapshot: Snapshot | null): readonly Row[] {
  return (ladder && (snapshot?.[ladder.field] as readonly Row[] | undefined)) || [];
}

export function strikeOf(row: Row): number {
  return row[0] as number;
}

export function valueIn(row: Row | undefined, value: ShownValue): number | null {
  const found = row?.[value.place];
  return typeof found === "number" ? found : null;
}

/** Earlier values of the strike, the latest first. */
export function priorsIn({ ladder }: RecordType, row: Row | undefined): readonly (number | null)[] {
  const found = ladder && row?.[ladder.priors];
  return Array.isArray(found) ? found : [];
}
