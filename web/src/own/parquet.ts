/** Own bars or trades from a Parquet file: loaded with the first such file, and not before. What a time is, the schema says as
 * far as it does; its clock is asked where it does not. */

import { decompress } from "fzstd";
import { parquetMetadataAsync, parquetScan, parquetSchema, type AsyncBuffer, type Compressors, type FileMetaData, type ParquetParsers, type ParquetScan, type SchemaElement } from "hyparquet";

import type { Candle } from "./candles";
import { candleOf, checkCount, NUMBERS, Unreadable, WALLS, type Clock, type Field, type OwnLayout, type OwnSource } from "./layout";

const SHOWN_ROWS = 3;
const SECONDS_OF_UNIT = { MILLIS: 1e-3, MICROS: 1e-6, NANOS: 1e-9 } as const;

/** Times as seconds, dates as text. */
const PARSERS: Partial<ParquetParsers> = {
  timestampFromMilliseconds: (value: bigint) => Number(value) / 1e3,
  timestampFromMicroseconds: (value: bigint) => Number(value) / 1e6,
  timestampFromNanoseconds: (value: bigint) => Number(value / 1000n) / 1e6,
  dateFromDays: (days: number) => new Date(days * 86_400_000).toISOString().slice(0, 10),
};

/** Snappy is the library's own. Written to order, so that what a page claims to hold is all that it can become. */
const COMPRESSORS: Compressors = { ZSTD: (packed, size) => decompress(packed, new Uint8Array(size)) };

interface Column {
  readonly name: string;
  readonly clocks: readonly Clock[];
  /** A value as a field; null where there is none. */
  readonly field: (value: unknown) => Field | null;
}

/** Raises `Unreadable` where the bytes are no Parquet, or hold nothing that could be read here. */
export async function parquetSource(file: Blob): Promise<OwnSource> {
  const bytes = bytesOf(file);
  const metadata = await understood(() => parquetMetadataAsync(bytes));
  const found = parquetSchema(metadata).children.flatMap(({ element, children }) => (children.length ? [] : [columnOf(element)])).filter((column) => column !== null);
  const names = new Set(found.map(({ name }) => name));
  if (!found.length || names.size < found.length) throw new Unreadable(found.length ? "Two of its columns have the same name." : "It has no column of times, numbers or text.");
  const count = Number(metadata.num_rows);
  checkCount(count);
  checkGroups(metadata, count);
  const scan = await understood(() => parquetScan({ file: bytes, metadata, compressors: COMPRESSORS, parsers: PARSERS }));
  const head = await rowsOf(scan, found, 0, SHOWN_ROWS);
  return {
    line: "Row",
    columns: found,
    first: Array.from({ length: Math.min(SHOWN_ROWS, count) }, (_, row) => found.map((column, place) => shown(column, head(row, place)))),
    read: async (layout) => {
      const candles: Candle[] = [];
      for (const range of scan.ranges) {
        const fieldAt = await rowsOf(scan, found, range.rowStart, range.rowEnd, used(layout));
        for (let row = 0; row < range.rowEnd - range.rowStart; row += 1) candles.push(candleOf(`Row ${range.rowStart + row + 1}`, (place) => fieldAt(row, place), layout));
      }
      return candles;
    },
  };
}

/** Read as they are asked for, so that a large file is never here as a whole. */
function bytesOf(file: Blob): AsyncBuffer {
  return {
    byteLength: file.size,
    slice: (start, end = file.size) => {
      if (!(start >= 0 && start <= end && end <= file.size)) throw new Unreadable("The file is damaged: it names bytes that it does not have.");
      return file.slice(start, end).arrayBuffer();
    },
  };
}

/** What a damaged footer says is not to be believed: all its counts are one. */
function checkGroups({ row_groups: groups }: FileMetaData, count: number): void {
  const isSound = groups.every(({ num_rows: rows, columns }) => rows > 0n && columns.every(({ meta_data: chunk }) => chunk && (chunk.num_values === rows || chunk.path_in_schema.length > 1)));
  if (!isSound || groups.reduce((sum, { num_rows: rows }) => sum + Number(rows), 0) !== count) throw new Unreadable("The file is damaged: it counts its rows in two ways.");
}

const used = ({ date, time, prices }: OwnLayout) => new Set([...(date === null ? [] : [date]), time, ...prices]);

/** The fields of some rows, those of a group at most, by row from the first of them and place of the column. */
async function rowsOf(scan: ParquetScan, columns: readonly Column[], rowStart: number, end: number, places: ReadonlySet<number> = new Set(columns.keys())): Promise<(row: number, place: number) => Field | null> {
  const rowEnd = Math.min(end, scan.ranges.find((range) => rowStart < range.rowEnd)?.rowEnd ?? rowStart);
  const read = columns.map(({ name }, place) => (places.has(place) ? understood(() => scan.readColumn({ column: name, rowStart, rowEnd })) : null));
  const values = await Promise.all(read);
  if (values.some((column) => column && column.length !== rowEnd - rowStart)) throw new Unreadable("The file is damaged: its columns are not equally long.");
  return (row, place) => {
    const value: unknown = values[place]?.[row];
    return value === null || value === undefined ? null : columns[place]!.field(value);
  };
}

/** The faults of the libraries in words. */
async function understood<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Unreadable) throw error;
    const said = (error as Error).message;
    const codec = /compression codec: (\w+)/.exec(said)?.[1];
    throw new Unreadable(codec ? `It is compressed with ${codec}, which is not read here: write it with zstd or snappy.` : `It cannot be read as Parquet: ${said}.`);
  }
}

const asNumber = (value: unknown) => (typeof value === "number" || typeof value === "bigint" ? Number(value) : null);
const asText = (value: unknown) => (typeof value === "string" ? value : null);

/** What a column is by its schema; null for what is neither time nor price. */
function columnOf({ name, type, repetition_type: repetition, logical_type: logical, converted_type: converted }: SchemaElement): Column | null {
  if (repetition === "REPEATED") return null;
  if (logical?.type === "TIMESTAMP") return { name, clocks: logical.isAdjustedToUTC ? ["schema"] : WALLS, field: asNumber };
  if (type === "INT96" || converted?.startsWith("TIMESTAMP")) return { name, clocks: WALLS, field: asNumber }; // programs disagreed on what these are
  if (logical?.type === "TIME" || converted?.startsWith("TIME_")) {
    const unit = logical?.type === "TIME" ? logical.unit : converted === "TIME_MILLIS" ? "MILLIS" : "MICROS";
    return { name, clocks: WALLS, field: (value) => timeText(value, SECONDS_OF_UNIT[unit]) };
  }
  if (converted === "DATE") return { name, clocks: [], field: asText };
  if (type === "BYTE_ARRAY" && (converted === "UTF8" || logical?.type === "STRING")) return { name, clocks: [...NUMBERS, ...WALLS, "written"], field: asText };
  const isDecimal = converted === "DECIMAL";
  const isNumber = type === "DOUBLE" || type === "FLOAT" || type === "INT32" || type === "INT64";
  const isPlain = !logical || logical.type === "INTEGER";
  return isDecimal || (isNumber && isPlain) ? { name, clocks: NUMBERS, field: asNumber } : null;
}

/** 09:30:00.25 of so many seconds since midnight. */
function timeText(value: unknown, unit: number): string | null {
  const seconds = Number(value) * unit;
  return seconds >= 0 && seconds < 86_400 ? new Date(Math.round(seconds * 1000)).toISOString().slice(11, 23) : null;
}

function shown({ clocks }: Column, field: Field | null): string {
  if (typeof field !== "number") return field ?? "";
  if (clocks === WALLS || clocks[0] === "schema") return new Date(field * 1000).toISOString().slice(0, -1).replace("T", " ") + (clocks === WALLS ? "" : "Z");
  return String(field);
}
