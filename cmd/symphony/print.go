package main

import (
	"encoding/json"
	"errors"
	"iter"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
)

// column is a column of a table of rows of type T.
type column[T any] struct {
	name string
	cell func(T) string
}

// flushRows is after how many rows a table is written. Each part has columns of
// its own width, so that a long table needs little memory.
const flushRows = 1000

// printRows prints rows as a table or as JSON, one object a line, and returns
// their number. It stops at the first error.
func printRows[T any](s *session, columns []column[T], rows iter.Seq2[T, error]) (n int, err error) {
	if s.json {
		return printJSON(s, rows)
	}
	w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	line := func(cell func(column[T]) string) {
		cells := make([]string, len(columns))
		for i, c := range columns {
			cells[i] = cell(c)
		}
		_, _ = w.Write([]byte(strings.Join(cells, "\t") + "\n")) // Flush reports the error
	}
	for row, err := range rows {
		if err != nil {
			s.bar.hide()
			return n, errors.Join(err, w.Flush())
		}
		if n%flushRows == 0 {
			s.bar.hide()
			if err := w.Flush(); err != nil {
				return n, err
			}
			line(func(c column[T]) string { return c.name })
		}
		n++
		line(func(c column[T]) string { return c.cell(row) })
	}
	s.bar.hide()
	return n, w.Flush()
}

func printJSON[T any](s *session, rows iter.Seq2[T, error]) (n int, err error) {
	for row, err := range rows {
		if err != nil {
			return n, err
		}
		n++
		s.bar.hide()
		if err := s.printObject(row); err != nil {
			return n, err
		}
	}
	return n, nil
}

// printObject prints a line of JSON.
func (s *session) printObject(v any) error {
	e := json.NewEncoder(s.out)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// plain returns a text that a terminal shows as it is. Otherwise it returns the
// text quoted, because a control character could change the screen.
func plain(text string) string {
	if text == "" || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) || r == unicode.ReplacementChar }) {
		return strconv.Quote(text)
	}
	return text
}

// shorten cuts a text after n characters.
func shorten(text string, n int) string {
	runes := []rune(text)
	if len(runes) <= n {
		return text
	}
	return string(runes[:n-1]) + "…"
}

func number(n int64) string { return strconv.FormatInt(n, 10) }

// moment returns a time in UTC, or a dash for the zero time.
func moment(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.DateTime)
}
