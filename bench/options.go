package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/symphony-go/symphony/bench/contest"
	"github.com/symphony-go/symphony/bench/fleet"
	"github.com/symphony-go/symphony/bench/peers"
	"github.com/symphony-go/symphony/bench/results"
)

// options are the flags of the command line.
type options struct {
	url     string
	quick   bool
	force   bool
	growth  bool
	idle    bool
	report  string
	compare string
	callers []int
	only    []string
	rounds  int
	turn    time.Duration
	records int
	context string
	largest int // size that -growth goes to; 0: all
	resting fleet.Idle
}

const usage = `Compares Symphony with handwritten code for rueidis, rueidis/om, go-redis, redigo and asynq, on one server.

	go run . -url redis://localhost:6379/5        # everything, a few minutes
	go run . -url redis://localhost:6379/5 -quick # the main operations, within 40 seconds
	go run .                                      # starts a redis-server, which must be installed

Flags:
`

func parse(args []string, out io.Writer) (options, error) {
	o := options{resting: fleet.Idle{Tenants: 10_000, Settle: 15 * time.Second, For: 20 * time.Second}}
	var callers, only string
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.SetOutput(out)
	f.Usage = func() {
		_, _ = fmt.Fprint(out, usage)
		f.PrintDefaults()
	}
	f.StringVar(&o.url, "url", "", "the server, with the number of an empty database: redis://user:password@host:port/5; rediss for TLS; none starts a redis-server")
	f.BoolVar(&o.quick, "quick", false, "64 callers; Get, Upsert, cached Get and GetMany alone; fewer rounds")
	f.BoolVar(&o.force, "force", false, "run although the database holds keys of others")
	f.BoolVar(&o.growth, "growth", false, "measure also how the cost grows with fields, size, callers, records, foreign keys and entries of a cache")
	f.BoolVar(&o.idle, "idle", false, "measure also what workers and listeners send that have nothing to do, three minutes more")
	f.StringVar(&o.report, "report", "", "write report.html, data.json and data.csv into this `folder`")
	f.StringVar(&o.compare, "compare", "", "say what changed since an older run: the data.json of its report")
	f.StringVar(&callers, "callers", "", "how many callers, separated by commas (default 1,64,512)")
	f.StringVar(&only, "only", "", "the contests to run, by the beginnings of their names, separated by commas; none: all of\n"+strings.Join(peers.Contests, ", "))
	f.IntVar(&o.rounds, "rounds", 0, "rounds, in each of which every contestant has one turn (default 25, with -quick 15)")
	f.DurationVar(&o.turn, "time", 60*time.Millisecond, "how long a turn takes")
	f.IntVar(&o.records, "n", 1000, "records that are read, written and searched")
	f.StringVar(&o.context, "context", "deadline", "the context of each caller: deadline, cancel (no deadline) or background (never ends)")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if f.NArg() > 0 {
		return o, fmt.Errorf("%q is not a flag; -h lists the flags", f.Arg(0))
	}
	return o, errors.Join(o.chooseCallers(callers), o.chooseContests(only), o.check())
}

func (o *options) chooseCallers(list string) error {
	switch {
	case list == "" && o.quick:
		o.callers = []int{64}
		return nil
	case list == "":
		o.callers = []int{1, 64, 512}
		return nil
	}
	for word := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(word))
		if err != nil || n < 1 || n > 10_000 {
			return fmt.Errorf("-callers: %q is not a number from 1 to 10000", word)
		}
		o.callers = append(o.callers, n)
	}
	return nil
}

func (o *options) chooseContests(list string) error {
	switch {
	case list == "" && o.quick:
		o.only = []string{peers.Get, peers.Upsert, peers.GetMany, peers.CachedGet}
		return nil
	case list == "":
		o.only = peers.Contests
		return nil
	}
	for word := range strings.SplitSeq(list, ",") {
		word = strings.TrimSpace(word)
		if i := slices.IndexFunc(peers.Contests, func(name string) bool { return strings.EqualFold(name, word) }); i >= 0 {
			o.only = append(o.only, peers.Contests[i])
			continue
		}
		found := false
		for _, name := range peers.Contests {
			if word != "" && strings.HasPrefix(strings.ToLower(name), strings.ToLower(word)) && !slices.Contains(o.only, name) {
				o.only, found = append(o.only, name), true
			}
		}
		if !found {
			return fmt.Errorf("-only: no contest begins with %q; the contests are %s", word, strings.Join(peers.Contests, ", "))
		}
	}
	return nil
}

func (o *options) check() error {
	if o.rounds == 0 {
		o.rounds = 25
		if o.quick {
			o.rounds = 15
		}
	}
	var bad []error
	if o.rounds < 1 || o.rounds > 10_000 {
		bad = append(bad, fmt.Errorf("-rounds: %d is not from 1 to 10000", o.rounds))
	}
	if o.turn < time.Millisecond || o.turn > time.Minute {
		bad = append(bad, fmt.Errorf("-time: %v is not from 1ms to 1m", o.turn))
	}
	if least := max(100, slices.Max(append(o.callers, 1))); o.records < least {
		bad = append(bad, fmt.Errorf("-n: %d records are too few; each caller needs its own, so use at least %d", o.records, least))
	}
	if contest.ContextsOf[o.context] == nil {
		bad = append(bad, fmt.Errorf("-context: %q is not deadline, cancel or background", o.context))
	}
	if o.records > 1_000_000 {
		bad = append(bad, fmt.Errorf("-n: %d records are too many; use at most 1000000", o.records))
	}
	return errors.Join(bad...)
}

func (o *options) results() results.Options {
	return results.Options{Records: o.records, Rounds: o.rounds, Turn: o.turn, Quick: o.quick, Context: o.context}
}

// work returns the number of pieces of work of a turn. They are enough that the
// start of a worker hardly counts.
func (o *options) work() int { return min(2000, 80*int(o.turn/time.Millisecond)) }
