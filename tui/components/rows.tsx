/** Lines to Ink: one Text a row, which costs less than half of one Box a cell (measured: 1.3 against 3.2 ms a frame). */
import { Box, Text, Transform, useIsScreenReaderEnabled, useStdout } from 'ink';
import { memo, useCallback } from 'react';
import type { Area } from '../layout.ts';
import type { Line } from '../present/line.ts';
import { paint, type Theme } from '../theme.ts';

interface RowProps {
  readonly painted: string;
  /** Column behind its last cell. */
  readonly right: number;
}

function fits(terminal: Partial<NodeJS.WriteStream>, right: number): boolean {
  return terminal.columns === undefined || right <= terminal.columns;
}

/**
 * Ink measures, cuts and takes apart what it is given as text, grapheme by grapheme, several times a frame. Our rows are cut and
 * as wide as their area already: Ink gets one cell, and the row takes its place when that is written. A frame of 120x36 takes
 * half the time so. A frame drawn for a terminal that has become narrower meanwhile leaves its rows out: they would wrap.
 */
const Row = memo(function Row({ painted, right }: RowProps) {
  const { stdout } = useStdout();
  const spoken = useIsScreenReaderEnabled();
  const place = useCallback(
    () => (fits(stdout as Partial<NodeJS.WriteStream>, right) ? painted : ''),
    [painted, right, stdout],
  );
  if (spoken) return <Text wrap="truncate-end">{painted}</Text>;
  return <Transform transform={place}> </Transform>;
});

export interface RowsProps {
  readonly area: Area;
  readonly lines: readonly Line[];
  readonly theme: Theme;
}

/** Lines at a place of the screen; each must be as wide as the area. */
export function Rows({ area, lines, theme }: RowsProps) {
  return (
    <Box
      position="absolute"
      left={area.left}
      top={area.top}
      width={area.width}
      height={area.height}
      flexDirection="column"
    >
      {lines.map((content, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a row of the screen is its position
        <Row key={index} painted={paint(content, theme)} right={area.left + area.width} />
      ))}
    </Box>
  );
}
