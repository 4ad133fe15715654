package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/symphony-go/symphony"
)

var importCommand = command{
	name: "import", args: "FILE", summary: "write what export has written, to the same or another server; - is the standard input",
	setup: func(flags *flag.FlagSet) func(context.Context, *session) error {
		dry := flags.Bool("dry-run", false, "check the file and whether the tenant exists, and write nothing")
		existing := flags.Bool("into-existing", false, "write to a tenant that has something already: replace records, and add items to queues")
		opts := poolFlag(flags)
		return func(ctx context.Context, s *session) error {
			if len(s.args) != 1 {
				return usagef("import takes one file that symphony export wrote, or - for the standard input")
			}
			all := opts()
			if *dry {
				all = append(all, symphony.DryRun())
			}
			if *existing {
				all = append(all, symphony.IntoExisting())
			}
			return s.importFile(ctx, s.args[0], *dry, all)
		}
	},
}

// imported is the outcome of an import as JSON.
type imported struct {
	Lines  int64 `json:"lines"` // records, lines of queues and triggers
	DryRun bool  `json:"dry_run"`
}

func (s *session) importFile(ctx context.Context, name string, dry bool, opts []symphony.Option) error {
	in, size := s.in, int64(0)
	if name != "-" {
		file, err := os.Open(name) //nolint:gosec // the user names it
		if err != nil {
			return usagef("%s", err)
		}
		defer file.Close() //nolint:errcheck // nothing was written
		if info, err := file.Stat(); err == nil {
			size = info.Size()
		}
		in = file
	}
	r := &countingReader{Reader: in, bar: s.bar}
	if s.bar.w != nil {
		s.bar.begin("bytes", size)
	}
	err := symphony.Import(ctx, s.pools, r, opts...)
	s.bar.hide()
	if err != nil {
		return importError(err)
	}
	lines := max(r.lines-2, 0) // without the first and the last
	if s.json {
		return s.printObject(imported{lines, dry})
	}
	text := "lines imported; run Reindex for what has indexes"
	if dry {
		text = "lines can be imported"
	}
	_, err = fmt.Fprintln(s.out, lines, text)
	return err
}

// importError adds to the error of an import what to do.
func importError(err error) error {
	var op *symphony.OpError
	isOp := errors.As(err, &op)
	switch {
	case errors.Is(err, symphony.ErrExists):
		return fmt.Errorf("%w; or add -into-existing", err)
	case isOp && op.MaybeApplied():
		return fileError{fmt.Errorf("%w; what was before it is written: remove the tenant with symphony erase, and import a whole file", err), op.Pool == ""}
	}
	return fileError{err, !isOp || op.Pool == ""}
}

// fileError is an error that may be about the file. A file that ends early is
// then no failure of the connection.
type fileError struct {
	error
	ofFile bool
}

// Unwrap returns the error, unless it is about the file.
func (e fileError) Unwrap() error {
	if e.ofFile && errors.Is(e.error, io.ErrUnexpectedEOF) {
		return nil
	}
	return e.error
}

// countingReader counts the lines that are read, and shows the progress.
type countingReader struct {
	io.Reader
	bar   *bar
	lines int64
}

func (r *countingReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	r.lines += int64(bytes.Count(p[:n], []byte{'\n'}))
	r.bar.add("bytes", int64(n))
	return n, err
}
