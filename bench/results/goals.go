package results

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// goal is a figure that a run should reach.
type goal struct {
	text    string
	limit   float64
	atMost  bool // the figure should be at most limit, otherwise at least
	figures func(run *Run) []float64
}

// Names in goals.
const (
	byHand     = "rueidis"
	ForeignKey = "foreign keys" // what grows around the records of a walk
	CacheEntry = "entries"      // what grows in a cache
	List       = "a list"       // what grows in a record
	CachedGet  = "cached Get"
	Warm       = "cached Get, warm"
	Cold       = "cached Get, cold"
	Peek       = "symphony PeekShared"
	Cache      = "cache" // a memory in bytes for each entry
	Queues     = "queues"
)

// Listener returns the name of an idle listener of triggers.
func Listener(actions int) string { return fmt.Sprintf("listener, actions: %d", actions) }

// goals are all goals of this library.
func goals() []goal {
	all := []goal{
		faster("Get", 1, "go-redis", 1.15),
		faster("Upsert", 1, "go-redis", 1),
		faster("Update", 1, "go-redis", 1),
		faster("Enqueue", 1, "go-redis", 1),
		faster("Schedule", 1, "go-redis", 1),
		leaner("Update", 64, 2.2),
		leaner("Schedule", 64, 2),
		faster("Enqueue", 1, "asynq", 1.3),
		faster("Enqueue", 64, "asynq", 3),
		faster("Claim", 1, "asynq", 1.3),
		faster("Claim", 64, "asynq", 3),
		faster("Schedule", 1, "asynq", 1.2),
	}
	for _, what := range []string{Queues, Listener(1), Listener(100)} {
		for _, processes := range []int{1, 4} {
			all = append(all, quiet(what, processes, 1))
		}
	}
	for _, operation := range []string{"Find", "All", "IDs", "DeleteAll"} {
		all = append(all, atSize(operation, ForeignKey, 1_000_000, Ours, byHand, 1.15))
	}
	all = append(all, smaller(Cache, "otter", 1.1))
	for _, operation := range []string{Warm, Cold} {
		for _, entries := range []float64{1000, 10_000, 100_000, 1_000_000} {
			all = append(all, atSize(operation, CacheEntry, entries, Ours, "otter", 1))
		}
	}
	for _, texts := range []float64{1, 10, 100, 1000} {
		all = append(all, atSize(CachedGet, List, texts, Peek, Ours, 1))
	}
	return all
}

// faster is the goal that ours is limit times as fast as a peer.
func faster(contest string, callers int, peer string, limit float64) goal {
	return goal{
		text:  fmt.Sprintf("%s, %s: speed, %s = 1", contest, Callers(callers), peer),
		limit: limit,
		figures: func(run *Run) []float64 {
			ours, theirs, ok := run.pair(contest, callers, peer)
			if !ok {
				return nil
			}
			return ours.Against(theirs)
		},
	}
}

// leaner is the goal that the commands of ours take the server at most limit
// times as long as those by hand.
func leaner(contest string, callers int, limit float64) goal {
	return goal{
		text:  fmt.Sprintf("%s, %s: time in the server's commands, by hand = 1", contest, Callers(callers)),
		limit: limit, atMost: true,
		figures: func(run *Run) []float64 {
			ours, theirs, ok := run.pair(contest, callers, byHand)
			if !ok {
				return nil
			}
			return ratios(ours.Samples, theirs.Samples, func(s Sample) float64 { return s.Commands })
		},
	}
}

// quiet is the goal that an idle process sends at most limit commands a second.
func quiet(what string, processes int, limit float64) goal {
	return goal{
		text:  fmt.Sprintf("idle, %s, processes: %d: commands a second and process", what, processes),
		limit: limit, atMost: true,
		figures: func(run *Run) (all []float64) {
			for _, i := range run.Idle {
				if i.What == what && i.Processes == processes && i.Contestant == Ours {
					all = append(all, i.Commands)
				}
			}
			return all
		},
	}
}

// atSize is the goal that one contestant takes at most limit times as long as
// another one, at a size to which something has grown.
func atSize(operation, along string, size float64, contestant, peer string, limit float64) goal {
	return goal{
		text:  fmt.Sprintf("%s, %s: %.0f: time of %s, %s = 1", operation, along, size, contestant, peer),
		limit: limit, atMost: true,
		figures: func(run *Run) []float64 {
			return ratios(run.point(operation, along, contestant, size), run.point(operation, along, peer, size),
				func(s Sample) float64 { return s.Nanoseconds })
		},
	}
}

// smaller is the goal that an entry of ours takes at most limit times the
// memory of a peer's.
func smaller(what, peer string, limit float64) goal {
	return goal{
		text:  fmt.Sprintf("%s: bytes of an entry, %s = 1", what, peer),
		limit: limit, atMost: true,
		figures: func(run *Run) (all []float64) {
			theirs := map[int]float64{}
			for _, m := range run.Memory {
				if m.What == what && m.Contestant == peer {
					theirs[m.Entries] = m.Bytes
				}
			}
			for _, m := range run.Memory {
				if other := theirs[m.Entries]; m.What == what && m.Contestant == Ours && other > 0 {
					all = append(all, m.Bytes/other)
				}
			}
			return all
		},
	}
}

func (run *Run) pair(contest string, callers int, peer string) (ours, theirs Row, ok bool) {
	like := Row{Contest: contest, Callers: callers}
	ours, found := run.Find(like, Ours)
	theirs, ok = run.Find(like, peer)
	return ours, theirs, ok && found
}

// point returns the samples of a contestant at a size.
func (run *Run) point(operation, along, contestant string, size float64) []Sample {
	for _, c := range run.Growth {
		if c.Operation != operation || c.Along != along || c.Contestant != contestant {
			continue
		}
		for _, p := range c.Points {
			if p.Size == size {
				return p.Samples
			}
		}
	}
	return nil
}

// ratios divides a figure of samples, round by round.
func ratios(a, b []Sample, of func(Sample) float64) (all []float64) {
	for i := range min(len(a), len(b)) {
		if under := of(b[i]); under > 0 {
			all = append(all, of(a[i])/under)
		}
	}
	return all
}

// WriteGoals writes each goal that the run has measured: the median over the
// rounds, its confidence interval, and whether the median meets the goal.
func (run *Run) WriteGoals(w io.Writer) error {
	lines, other := run.Goals()
	if len(lines) == 0 {
		return nil
	}
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintf(w, "\nGoals (%d others are not measured in this run)\n", other)
	for _, l := range lines {
		_, _ = fmt.Fprintf(out, "%s\t%s\t%s\t%s\n", l.Text, l.Figure, l.Limit, l.Verdict())
	}
	return out.Flush()
}

// GoalLine is a goal that a run has measured, as text.
type GoalLine struct {
	Text, Figure, Limit string
	Met                 bool
}

// Verdict returns "met" or "missed".
func (l GoalLine) Verdict() string {
	if l.Met {
		return "met"
	}
	return "missed"
}

// Goals returns the goals that the run has measured, and the number of the
// others.
func (run *Run) Goals() (lines []GoalLine, others int) {
	for _, g := range goals() {
		figures := g.figures(run)
		if len(figures) == 0 {
			others++
			continue
		}
		i := intervalOf(figures)
		l := GoalLine{Text: g.text, Figure: i.String(), Limit: "at least " + digits(g.limit), Met: i.Median >= g.limit}
		if g.atMost {
			l.Limit, l.Met = "at most "+digits(g.limit), i.Median <= g.limit
		}
		lines = append(lines, l)
	}
	return lines, others
}
