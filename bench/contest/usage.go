package contest

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"
)

// Usage is what a server has used since it started.
type Usage struct {
	// Processor is the processor time of all threads of the server (used_cpu of
	// INFO cpu). It includes reading, parsing and writing.
	Processor time.Duration

	// Commands is the time inside each command (INFO commandstats), by its name
	// in lower case. The server takes it from the clock, so it includes waiting
	// for a core. That of EXEC, EVAL and EVALSHA includes the commands inside,
	// which have lines of their own too.
	Commands map[string]time.Duration
}

// UsageOf reads the usage of a server.
func UsageOf(ctx context.Context, c rueidis.Client) (Usage, error) {
	text, err := c.Do(ctx, c.B().Info().Section("cpu", "commandstats").Build()).ToString()
	if err != nil {
		return Usage{}, err
	}
	return readUsage(text)
}

func readUsage(text string) (Usage, error) {
	u := Usage{Commands: map[string]time.Duration{}}
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		command, isCommand := strings.CutPrefix(name, "cmdstat_")
		unit := time.Second
		switch {
		case isCommand:
			_, value, _ = strings.Cut(value, "usec=")
			value, _, _ = strings.Cut(value, ",")
			unit = time.Microsecond
		case name != "used_cpu_user" && name != "used_cpu_sys":
			continue
		}
		number, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return u, fmt.Errorf("unexpected line of INFO: %q", line)
		}
		if took := time.Duration(number * float64(unit)); isCommand {
			u.Commands[command] = took
		} else {
			u.Processor += took
		}
	}
	return u, nil
}

// since returns the nanoseconds of the processor since an earlier usage, and
// those inside some commands.
func (u Usage) since(before Usage, commands []string) (processor, inside float64) {
	for _, name := range commands {
		inside += float64(u.Commands[name] - before.Commands[name])
	}
	return float64(u.Processor - before.Processor), inside
}

// outermost returns the commands of an operation whose time includes that of
// all others, given the summary of the commands that the client sends: EXEC
// alone if the operation is a transaction, else all. Commands that only a
// script calls are not in the summary.
func outermost(summary string) (names []string) {
	for word := range strings.SplitSeq(summary, ", ") {
		name := strings.ToLower(word[strings.LastIndexByte(word, ' ')+1:])
		if name == "exec" {
			return []string{name}
		}
		names = append(names, name)
	}
	return names
}
