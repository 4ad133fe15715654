package main

import (
	"fmt"
	"io"
	"os"
	"time"
)

// progress reports the current step: on a terminal in one line that changes,
// else in a line for each step.
type progress struct {
	out      io.Writer
	terminal bool
	began    time.Time
	steps    int
	step     int
	name     string
}

func newProgress(out io.Writer, steps int) *progress {
	p := &progress{out: out, steps: steps, began: time.Now()}
	if f, ok := out.(*os.File); ok {
		about, err := f.Stat()
		p.terminal = err == nil && about.Mode()&os.ModeCharDevice != 0
	}
	return p
}

// next begins a step.
func (p *progress) next(name string) {
	p.step++
	p.name = name
	if !p.terminal {
		_, _ = fmt.Fprintf(p.out, "[%d/%d] %s%s\n", p.step, p.steps, name, p.left(float64(p.step-1)))
	}
}

// round reports the progress of a step.
func (p *progress) round(i, of int) {
	if p.terminal {
		_, _ = fmt.Fprintf(p.out, "\r\x1b[K[%d/%d] %s, round %d of %d%s", p.step, p.steps, p.name, i+1, of,
			p.left(float64(p.step-1)+float64(i)/float64(of)))
	}
}

func (p *progress) left(done float64) string {
	if done < 1 {
		return ""
	}
	per := float64(time.Since(p.began)) / done
	return fmt.Sprintf(", about %v left", time.Duration(per*(float64(p.steps)-done)).Round(time.Second))
}

func (p *progress) end() {
	if p.terminal {
		_, _ = fmt.Fprint(p.out, "\r\x1b[K")
	}
}
