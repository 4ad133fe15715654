package hashrepo_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/keyspace"
)

// due returns when a key expires that a write in the span gave a lifetime.
func (r *indexRace) due(at span) func(time.Duration) span {
	return func(lifetime time.Duration) span {
		if lifetime == 0 {
			return span{}
		}
		return span{at.first + int64(lifetime-r.slack), at.last + int64(lifetime+r.slack)}
	}
}

// write makes a random write of the library.
func (r *indexRace) write(w *indexWorker) {
	h := oneOf(r.keys...)
	v := randomView(r.repo, true)
	// one writes one key, and returns its outcome.
	one := func(name string, call func() writeOutcome, setsEmail bool, change func(*ticketState, bool) (string, int64)) {
		r.change(w, name, []*keyHistory{h}, func() []writeOutcome { return []writeOutcome{call()} },
			func(_ int, s ticketState, at span) []writeResult { return v.write(s, r.due(at), setsEmail, change) })
	}
	switch n := rand.N(115); {
	case n >= 100: // moves the record within an index
		patches := []ticketPatch{addScorePatch(oneOf[int64](-20, -9, 9, 20))}
		v = ticketView{repo: r.repo.With(hashrepo.NoTTL())}
		one("Update "+textOf(patches), func() writeOutcome { return outcomeOf(v.repo.Update(ctx, h.id, patchesOf(patches)...)) },
			false, applyPatches(patches))
	case n < 20:
		t := randomTicket()
		one(fmt.Sprintf("Upsert %v", &t), func() writeOutcome { return outcomeOf(v.repo.Upsert(ctx, h.id, t)) }, true, t.setAll)
	case n < 30:
		t := randomTicket()
		one(fmt.Sprintf("Replace %v", &t), func() writeOutcome { return outcomeOf(v.repo.Replace(ctx, h.id, t)) }, true, t.setAll)
	case n < 36:
		r.upsertMany(w)
	case n < 55:
		patches := randomPatches()
		one("Update "+textOf(patches), func() writeOutcome { return outcomeOf(v.repo.Update(ctx, h.id, patchesOf(patches)...)) },
			setsEmail(patches), applyPatches(patches))
	case n < 63:
		patches := randomPatches()
		one("Merge "+textOf(patches), func() writeOutcome {
			t, err := v.repo.Merge(ctx, h.id, patchesOf(patches)...)
			if o := outcomeOf(err); o.class != badRecord {
				return withTicket(o, t)
			}
			return writeOutcome{n: -1} // the patches are applied
		}, setsEmail(patches), applyPatches(patches))
	case n < 73:
		r.mutate(h, v, one)
	case n < 78:
		p := randomPatch(ticketField(rand.N(int(ticketFields))))
		for strings.HasPrefix(p.text, "add") || strings.HasPrefix(p.text, "clear") || strings.HasPrefix(p.text, "append") {
			p = randomPatch(p.field)
		}
		one("UpdateField "+p.text, func() writeOutcome { return outcomeOf(v.repo.UpdateField(ctx, h.id, ticketNames[p.field], p.value)) },
			p.field == emailField, applyPatches([]ticketPatch{p}))
	case n < 83:
		v = randomView(r.repo, false)
		r.deleteField(w, h, v)
	case n < 88:
		p := addScorePatch(oneOf[int64](-3, 2, 5))
		one("IncrementField "+p.text, func() writeOutcome {
			sum, err := v.repo.IncrementField(ctx, h.id, "score", p.value.(int64))
			o := outcomeOf(err)
			o.n = sum
			return o
		}, false, func(next *ticketState, existed bool) (string, int64) {
			class := p.change(next)
			return class, next.ticket.Score
		})
	case n < 91:
		p := appendPatch([]string{oneOf(ticketTagTexts...), oneOf(ticketTagTexts...)})
		tags := p.value.([]string)
		one("AppendToList "+p.text, func() writeOutcome { return outcomeOf(v.repo.AppendToList(ctx, h.id, "tags", tags[0], tags[1])) },
			false, applyPatches([]ticketPatch{p}))
	case n < 96:
		r.change(w, "Delete", []*keyHistory{h}, func() []writeOutcome {
			n, err := r.repo.Delete(ctx, h.id)
			o := outcomeOf(err)
			o.n = n
			return []writeOutcome{o}
		}, func(_ int, s ticketState, _ span) []writeResult {
			switch s.kind {
			case noKey:
				return []writeResult{{}}
			case otherKey:
				return []writeResult{{next: s, class: wrongType, n: -1}}
			}
			return []writeResult{{n: 1}}
		})
	case n < 99 || rand.N(3) > 0:
		v = randomView(r.repo, false)
		r.change(w, "Touch", []*keyHistory{h}, func() []writeOutcome {
			existed, err := v.repo.Touch(ctx, h.id)
			o := outcomeOf(err)
			o.n = number(existed)
			return []writeOutcome{o}
		}, func(_ int, s ticketState, at span) []writeResult { return v.touch(s, r.due(at)) })
	default:
		r.deleteAll(w)
	}
}

func number(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

func withTicket(o writeOutcome, t ticket) writeOutcome {
	o.ticket = &t
	return o
}

func textOf(patches []ticketPatch) string {
	texts := make([]string, len(patches))
	for i, p := range patches {
		texts[i] = p.text
	}
	return strings.Join(texts, ", ")
}

func patchesOf(patches []ticketPatch) []hashrepo.Patch[ticket] {
	all := make([]hashrepo.Patch[ticket], len(patches))
	for i, p := range patches {
		all[i] = p.patch
	}
	return all
}

func (r *indexRace) upsertMany(w *indexWorker) {
	v := randomView(r.repo, true)
	var keys []*keyHistory
	var records []hashrepo.Record[ticket]
	for _, n := range rand.Perm(len(r.keys))[:1+rand.N(5)] {
		if h := r.keys[n]; len(keys) == 0 || h.unknown == keys[0].unknown {
			keys = append(keys, h)
			records = append(records, hashrepo.Record[ticket]{ID: h.id, Value: randomTicket()})
		}
	}
	r.change(w, "UpsertMany", keys, func() []writeOutcome {
		outcomes := make([]writeOutcome, len(keys))
		for i := range outcomes {
			outcomes[i] = outcomeOf(nil)
		}
		r.eachError(v.repo.UpsertMany(ctx, records...), func(id string, err error) {
			for i, h := range keys {
				if h.id == id {
					outcomes[i] = outcomeOf(err)
				}
			}
		})
		return outcomes
	}, func(i int, s ticketState, at span) []writeResult {
		return v.write(s, r.due(at), true, records[i].Value.setAll)
	})
}

// eachError calls f for each error of one key.
func (r *indexRace) eachError(err error, f func(id string, err error)) {
	joined, ok := err.(interface{ Unwrap() []error })
	if ok {
		for _, err := range joined.Unwrap() {
			r.eachError(err, f)
		}
		return
	}
	var op *hashrepo.OpError
	if errors.As(err, &op) && op.Key == "" {
		r.eachError(op.Err, f)
	} else if op != nil {
		f(op.Key[strings.LastIndex(op.Key, ":")+1:], err)
	}
}

// mutate changes some fields, which may not depend on what they were.
func (r *indexRace) mutate(h *keyHistory, v ticketView, one func(string, func() writeOutcome, bool, func(*ticketState, bool) (string, int64))) {
	from := randomTicket()
	changed := rand.Perm(int(ticketFields))[:rand.N(4)]
	change := func(t *ticket) {
		for _, f := range changed {
			t.copyField(&from, ticketField(f))
		}
		t.Score++
	}
	one(fmt.Sprintf("Mutate %v to %v", changed, &from), func() writeOutcome {
		t, err := v.repo.Mutate(ctx, h.id, func(t *ticket) error { change(t); return nil })
		return withTicket(outcomeOf(err), t)
	}, true, func(next *ticketState, existed bool) (string, int64) {
		if next.unread {
			return badRecord, -1
		}
		before := next.ticket
		after := before
		change(&after)
		for f := range ticketFields {
			next.strange[f] = 0
			wasStored, isStored := before.isStored(f), after.isStored(f)
			if !existed || wasStored != isStored || isStored && before.compare(&after, f) != 0 {
				next.set(&after, f)
			}
		}
		return "", -1
	})
}

func (r *indexRace) deleteField(w *indexWorker, h *keyHistory, v ticketView) {
	var names []string
	fields := rand.Perm(int(ticketFields))[:1+rand.N(2)]
	for _, f := range fields {
		names = append(names, ticketNames[f])
	}
	r.change(w, fmt.Sprint("DeleteField ", names), []*keyHistory{h}, func() []writeOutcome {
		n, err := v.repo.DeleteField(ctx, h.id, names...)
		o := outcomeOf(err)
		o.n = n
		return []writeOutcome{o}
	}, func(_ int, s ticketState, at span) []writeResult {
		if s.kind == noKey && !v.ifExists {
			return []writeResult{{}}
		}
		return v.write(s, r.due(at), false, func(next *ticketState, _ bool) (string, int64) {
			removed := int64(0)
			for _, f := range fields {
				removed += number(next.stored[f])
				next.clear(ticketField(f))
			}
			return "", removed
		})
	})
}

// touch returns the results of Touch.
func (v *ticketView) touch(s ticketState, due func(time.Duration) span) []writeResult {
	switch {
	case s.kind == otherKey:
		return []writeResult{{next: s, class: wrongType, n: -1}}
	case s.kind == noKey && v.ifExists:
		return []writeResult{{class: notFound, n: -1}}
	case s.kind == noKey:
		return []writeResult{{}}
	}
	if !v.keep {
		s.due = due(v.lifetime)
	}
	return []writeResult{{next: s, n: 1}}
}

// deleteAll removes all records. It holds all keys, except those that nobody
// holds.
func (r *indexRace) deleteAll(w *indexWorker) {
	var keys []*keyHistory
	for _, h := range r.keys {
		if !h.unknown {
			keys = append(keys, h)
		}
	}
	r.change(w, "DeleteAll", keys, func() []writeOutcome {
		_, err := r.repo.DeleteAll(ctx)
		outcomes := make([]writeOutcome, len(keys))
		for i := range outcomes {
			outcomes[i] = outcomeOf(err)
		}
		return outcomes
	}, func(_ int, s ticketState, _ span) []writeResult {
		switch {
		case s.kind != recordKey:
			return []writeResult{{next: s, n: -1}}
		case s.unlisted != 0: // it is found if the database is walked
			return []writeResult{{n: -1}, {next: s, n: -1}}
		}
		return []writeResult{{n: -1}}
	})
}

// writeDirectly makes a random write of another program.
func (r *indexRace) writeDirectly(w *indexWorker) {
	h := oneOf(r.keys...)
	for h.unknown {
		h = oneOf(r.keys...)
	}
	key := r.prefix + h.id
	one := func(name string, call func() writeOutcome, results func(s ticketState, at span) []writeResult) {
		r.change(w, "direct "+name, []*keyHistory{h}, func() []writeOutcome { return []writeOutcome{call()} },
			func(_ int, s ticketState, at span) []writeResult { return results(s, at) })
	}
	number := func(args ...string) func() writeOutcome {
		return func() writeOutcome { return directOutcome(r.do(args...)) }
	}
	switch n := rand.N(20); {
	case rand.N(50) == 0:
		// Walks that take several runs then cannot know which records moved.
		if err := r.do("DEL", "%moved"+strings.TrimPrefix(keyspace.Beside("ids", r.prefix), "%ids")).Error(); err != nil {
			r.violation("%v", err)
		}
	case n < 6:
		r.setDirectly(key, one)
	case n < 8:
		r.removeDirectly(key, one)
	case n < 10:
		one("DEL", number("DEL", key), func(s ticketState, _ span) []writeResult {
			if s.kind == noKey {
				return []writeResult{{}}
			}
			return []writeResult{{n: 1}}
		})
	case n < 13:
		lifetime := time.Duration(1+rand.N(40)) * time.Millisecond
		args := []string{"PEXPIRE", key, strconv.FormatInt(lifetime.Milliseconds(), 10)}
		if rand.N(3) == 0 {
			lifetime = time.Second
			args = []string{"EXPIRE", key, "1"}
		}
		one("EXPIRE", number(args...), func(s ticketState, at span) []writeResult {
			if s.kind == noKey {
				return []writeResult{{}}
			}
			s.due = r.due(at)(lifetime)
			return []writeResult{{next: s, n: 1}}
		})
	case n < 16:
		r.persist(w, h)
	case n < 19:
		r.rename(w, h)
	default:
		one("SET", number("SET", key, "text"), func(ticketState, span) []writeResult {
			return []writeResult{{next: ticketState{kind: otherKey}, n: -1}}
		})
	}
}

// persist removes the lifetime of a key.
func (r *indexRace) persist(w *indexWorker, h *keyHistory) {
	r.change(w, "direct PERSIST", []*keyHistory{h}, func() []writeOutcome {
		return []writeOutcome{directOutcome(r.do("PERSIST", r.prefix+h.id))}
	}, func(_ int, s ticketState, _ span) []writeResult {
		if s.due.isZero() {
			return []writeResult{{next: s}}
		}
		s.due = span{}
		return []writeResult{{next: s, n: 1}}
	})
}

// do sends a command past the library.
func (r *indexRace) do(args ...string) rueidis.RedisResult {
	return r.client.Do(ctx, r.client.B().Arbitrary(args[0]).Keys(args[1]).Args(args[2:]...).Build())
}

// directOutcome returns the outcome of a command past the library.
func directOutcome(reply rueidis.RedisResult) writeOutcome {
	m, err := reply.ToMessage()
	switch {
	case err != nil && strings.Contains(err.Error(), "WRONGTYPE"):
		return writeOutcome{class: wrongType, n: -1}
	case err != nil && strings.Contains(err.Error(), "no such key"):
		return writeOutcome{class: notFound, n: -1}
	case err != nil:
		return writeOutcome{class: otherErr, n: -1, err: err}
	}
	n, err := m.ToInt64()
	if err != nil {
		n = -1
	}
	return writeOutcome{n: n}
}

// setDirectly sets fields. The score may become a text that is no number.
func (r *indexRace) setDirectly(key string, one func(string, func() writeOutcome, func(ticketState, span) []writeResult)) {
	from := randomTicket()
	args := []string{"HSET", key, "other", "1"}
	var fields []ticketField
	for _, f := range rand.Perm(int(ticketFields))[:rand.N(4)] {
		if f := ticketField(f); from.isStored(f) {
			text, err := r.codec.Marshal(from.value(f))
			if err != nil {
				r.violation("%v", err)
			}
			fields, args = append(fields, f), append(args, ticketNames[f], string(text))
		}
	}
	bad := rand.N(10) == 0
	if bad {
		args = append(args, "score", "many")
	}
	one(fmt.Sprintf("HSET %q", args[4:]), func() writeOutcome {
		o := directOutcome(r.do(args...))
		o.n = -1
		return o
	}, func(s ticketState, at span) []writeResult {
		switch s.kind {
		case otherKey:
			return []writeResult{{next: s, class: wrongType, n: -1}}
		case noKey:
			s = ticketState{kind: recordKey}
			s.disturbAll(at.last)
		}
		for _, f := range fields {
			s.set(&from, f)
		}
		s.disturb(at.last, fields...)
		if bad {
			s.clear(scoreField)
			s.stored[scoreField], s.unread = true, true
			s.disturb(at.last, scoreField)
		}
		return []writeResult{{next: s, n: -1}}
	})
}

// removeDirectly removes fields. If no field is left, Redis removes the key.
func (r *indexRace) removeDirectly(key string, one func(string, func() writeOutcome, func(ticketState, span) []writeResult)) {
	args := []string{"EVAL", "redis.call('HDEL', KEYS[1], unpack(ARGV)) return redis.call('EXISTS', KEYS[1])", "1", key}
	fields := rand.Perm(int(ticketFields))[:1+rand.N(2)]
	for _, f := range fields {
		args = append(args, ticketNames[f])
	}
	one(fmt.Sprintf("HDEL %q", args[4:]), func() writeOutcome {
		return directOutcome(r.client.Do(ctx, r.client.B().Arbitrary(args[:3]...).Keys(key).Args(args[4:]...).Build()))
	}, func(s ticketState, at span) []writeResult {
		switch s.kind {
		case otherKey:
			return []writeResult{{next: s, class: wrongType, n: -1}}
		case noKey:
			return []writeResult{{}}
		}
		for _, f := range fields {
			s.clear(ticketField(f))
			s.disturb(at.last, ticketField(f))
		}
		return []writeResult{{n: 0}, {next: s, n: 1}}
	})
}

// rename renames a key to that of another record, or of none.
func (r *indexRace) rename(w *indexWorker, from *keyHistory) {
	to := oneOf(r.keys...)
	if to.unknown || to == from {
		return
	}
	var moved []ticketState // what the key may have held
	r.change(w, fmt.Sprintf("RENAME %s to %s", from.id, to.id), []*keyHistory{from, to}, func() []writeOutcome {
		o := directOutcome(r.do("RENAME", r.prefix+from.id, r.prefix+to.id))
		return []writeOutcome{o, o}
	}, func(i int, s ticketState, at span) []writeResult {
		if i == 0 {
			if s.kind == noKey {
				return []writeResult{{class: notFound, n: -1}}
			}
			if s.kind == recordKey {
				s.disturbAll(at.last)
			}
			moved = append(moved, s)
			return []writeResult{{n: -1}}
		}
		results := []writeResult{{next: s, class: notFound, n: -1}}
		for _, state := range moved {
			results = append(results, writeResult{next: state, n: -1})
		}
		return results
	})
}
