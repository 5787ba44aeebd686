/** Civil dates from days since 1970-01-01 and back, without the host's clock or time zone (proleptic Gregorian). */

export interface CivilTime {
  year: number
  /** 1–12 */
  month: number
  /** 1–31 */
  day: number
  hours: number
  minutes: number
  seconds: number
  /** 1 = Sunday, as the MC146818 counts. */
  weekday: number
}

/** Seconds since 1970-01-01 00:00:00 UTC as a civil time. */
export function toCivil(epochSeconds: number): CivilTime {
  const date = new Date(epochSeconds * 1000)
  return {
    year: date.getUTCFullYear(),
    month: date.getUTCMonth() + 1,
    day: date.getUTCDate(),
    hours: date.getUTCHours(),
    minutes: date.getUTCMinutes(),
    seconds: date.getUTCSeconds(),
    weekday: date.getUTCDay() + 1,
  }
}

/** The reverse; fields out of range carry over, as a 31st of April becomes the 1st of May. */
export function fromCivil(time: Omit<CivilTime, 'weekday'>): number {
  return Date.UTC(time.year, time.month - 1, time.day, time.hours, time.minutes, time.seconds) / 1000
}
