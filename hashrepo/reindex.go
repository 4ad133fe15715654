package hashrepo

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"iter"
	"strconv"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/recent"
	"github.com/symphony-go/symphony/internal/store"
)

// Progress is how far a [HashRepo.Reindex] has come.
type Progress struct {
	// Seen is the number of records that were read.
	Seen int64
	// Indexed is the number of records that were not in the list or in an index
	// as they should be, or that had a field with an old name.
	Indexed int64
	// Removed is the number of ids and entries that were removed, because their
	// records are gone or have other values.
	Removed int64
}

// Reindex brings the list and the indexes of the space to the state of its
// records, and marks them as complete. It is for records that were written
// before T had the index, or by a program without it. Until a space was
// reindexed once, queries do not use its list and its indexes. Fields with old
// names of the tag option was get their new names; this changes neither the
// version of the record nor a lifetime.
//
// Reindex runs when the loop over its result does. It yields the progress so
// far after each page. It may run while others write, and several may run at
// once. It may be stopped at any time, by leaving the loop or by ctx. The next
// call then begins from the start, and finds less to do.
//
// It sends SCAN, reads the indexed fields of each page of about a thousand keys
// with a pipeline of HMGET, and runs a script for each record in a second
// pipeline. Then it walks the list and the indexes with scripts of at most 500
// ids each. It reads from the primary. Each script is atomic, and the whole is
// not. Reindex does not change lifetimes.
//
// Some errors are about one record, and Reindex goes on:
//   - If an indexed field cannot be decoded, the error names the record and the
//     field. The record is not in that index, and no condition on the field
//     holds for it.
//   - If two records have one value of a unique field, the error wraps
//     [ErrExists] and names both. Both are in the index until one of them is
//     changed.
//
// After any other error Reindex ends, and the space is not marked as complete.
// If the space has neither a list nor an index, or with [IfAbsent] or
// [IfVersion], the error is [ErrUnsupported]. [IfExists] has no effect.
func (r *HashRepo[T]) Reindex(ctx context.Context) iter.Seq2[Progress, error] {
	return func(yield func(Progress, error) bool) {
		c, t, err := r.core.forMaintenance(ctx, "Reindex")
		if err != nil {
			yield(Progress{}, err)
			return
		}
		pass := reindexing{core: c, target: t, reported: recent.NewSet(), yield: yield}
		if pass.indexRecords(ctx) && pass.removeRest(ctx) {
			pass.report(pass.steps.Error(t, c.markComplete(ctx, t)))
		}
	}
}

// forMaintenance returns the core with which an operation works on the list and
// the indexes of the whole space. It reads from the primary, and no option
// changes what it writes.
func (c *core) forMaintenance(ctx context.Context, op string) (*core, fault.Target, error) {
	t, err := c.BeginAll(ctx, op)
	if err != nil {
		return nil, t, err
	}
	if err := errors.Join(c.RefuseAbsent(t), c.RefuseVersion(t)); err != nil {
		return nil, t, err
	}
	if c.listing == nil {
		return nil, t, t.NotApplied(fmt.Errorf("%w: %s needs a type with an index, or the option Listed; add one of them", fault.ErrUnsupported, op))
	}
	t.Write = true
	plain := c.OnPrimary()
	plain.IfExists, plain.Keep = false, false
	return &core{Store: plain, plan: c.plan, listing: c.listing, writes: c.writes}, t, nil
}

// reindexing is a call of Reindex.
type reindexing struct {
	*core
	target   fault.Target
	progress Progress
	steps    fault.Steps
	reported *recent.Set // pairs of records with one value of a unique field
	yield    func(Progress, error) bool
}

// report yields the progress with an error, which may be nil. It reports
// whether the loop goes on.
func (r *reindexing) report(err error) bool { return r.yield(r.progress, err) }

// indexRecords lists every record and writes its items. It reports whether
// Reindex goes on.
func (r *reindexing) indexRecords(ctx context.Context) bool {
	for page, err := range r.recordPages(ctx) {
		if err != nil {
			return r.fail(err)
		}
		records := make([]*unindexed, len(page.IDs))
		for i := range records {
			records[i] = &unindexed{target: page.Targets[i]}
			records[i].target.Write = true
			if len(r.plan.indexes) > 0 {
				records[i].reply = page.Replies[i]
			}
		}
		r.progress.Seen += int64(len(records))
		if !r.indexPage(ctx, records) || !r.report(nil) {
			return false
		}
	}
	return true
}

// recordPages scans the records of the space and reads their indexed fields.
func (r *reindexing) recordPages(ctx context.Context) iter.Seq2[store.Page, error] {
	if len(r.plan.indexes) == 0 {
		return r.ScanSpace(ctx, "Reindex", nil)
	}
	return r.ScanSpaceUntyped(ctx, "Reindex", r.readIndexed)
}

// readIndexed returns the command that reads the indexed fields of a record,
// under all of their names.
func (r *reindexing) readIndexed(key string) rueidis.Completed {
	var names []string
	for _, x := range r.plan.indexes {
		names = x.field.appendNames(names)
	}
	return r.Client.B().Hmget().Key(key).Field(names...).Build()
}

// unindexed is a record that Reindex has read and not indexed yet.
type unindexed struct {
	target fault.Target
	reply  rueidis.RedisResult // to readIndexed; not set if T has no index
	err    error               // of a field that cannot be decoded
}

// indexPage indexes records. It reads those again that changed after they were
// read. It reports whether Reindex goes on.
func (r *reindexing) indexPage(ctx context.Context, records []*unindexed) bool {
	for retries := r.Retries(); ; {
		changed, ok := r.indexOnce(ctx, records)
		if !ok || len(changed) == 0 {
			return ok
		}
		if err := retries.Wait(ctx); err != nil {
			return r.fail(r.target.Failed(err))
		}
		cmds := make(rueidis.Commands, len(changed))
		for i, record := range changed {
			cmds[i] = r.readIndexed(record.target.Key)
		}
		for i, reply := range r.Client.DoMulti(r.target.In(ctx), cmds...) {
			changed[i].reply = reply
		}
		records = changed
	}
}

// indexOnce indexes the records whose fields are as they were read, and returns
// the others. It reports whether Reindex goes on.
func (r *reindexing) indexOnce(ctx context.Context, records []*unindexed) (changed []*unindexed, ok bool) {
	var calls []store.Call
	var called []*unindexed
	for _, record := range records {
		args, err := r.reindexArgs(record)
		if errors.Is(err, fault.ErrWrongType) {
			continue // the key was replaced after the scan
		}
		if err != nil {
			return nil, r.fail(err)
		}
		calls, called = append(calls, store.Call{Target: record.target, Args: args}), append(called, record)
	}
	if len(calls) == 0 {
		return nil, true
	}
	replies, errs := r.RunMany(ctx, reindexScript, calls, r.listing.writeKeys...)
	for i, record := range called {
		if errors.Is(errs[i], fault.ErrWrongType) {
			continue
		}
		if errs[i] != nil {
			return nil, r.fail(errs[i])
		}
		if !replies[i].IsArray() {
			changed = append(changed, record)
			continue
		}
		if !r.reportRecord(record, &replies[i]) {
			return nil, false
		}
	}
	return changed, true
}

// fail yields an error after which Reindex ends.
func (r *reindexing) fail(err error) bool {
	r.report(r.steps.Error(r.target, err))
	return false
}

//go:embed lua/reindex.lua
var reindexSource string

var reindexScript = store.NewScript(indexSource+reindexSource, store.Either(store.Texts, store.Status("CHANGED")))

// reindexArgs returns the arguments of reindex.lua. If an indexed field cannot
// be decoded, it sets the error of the record.
func (r *reindexing) reindexArgs(record *unindexed) ([]string, error) {
	args := []string{r.listing.prefix, r.listing.suffix, flag(r.FieldLifetimes()), strconv.Itoa(len(r.plan.indexes))}
	if len(r.plan.indexes) > 0 {
		var err error
		if args, err = r.appendItems(args, record); err != nil {
			return nil, err
		}
	}
	for i := range r.plan.fields {
		if f := &r.plan.fields[i]; len(f.Was) > 0 {
			args = append(args, namesWithLength(f))
		}
	}
	return args, nil
}

// appendItems appends the arguments for each index.
func (r *reindexing) appendItems(args []string, record *unindexed) ([]string, error) {
	reply, err := record.reply.ToMessage()
	if err != nil {
		return nil, readOnly(record.target).Failed(err)
	}
	n := 0
	for _, x := range r.plan.indexes {
		n += 1 + len(x.field.Was)
	}
	values, err := hmgetValues(&reply, n)
	if err != nil {
		return nil, readOnly(record.target).Failed(err)
	}
	record.err = nil
	for _, x := range r.plan.indexes {
		names := 1 + len(x.field.Was)
		value := firstPresent(values[:names])
		values = values[names:]
		read, body := "", bodyAbsent
		if !value.IsNil() {
			text, err := value.ToString()
			if err != nil {
				return nil, readOnly(record.target).Failed(err)
			}
			read = "=" + text
			if body, err = x.bodyOfText(text); err != nil {
				body = bodyAbsent
				record.err = errors.Join(record.err, notApplied(record.target, err))
			}
		}
		args = append(args, x.name, x.fields, flag(x.unique), read, body)
	}
	return args, nil
}

// reportRecord counts an indexed record and yields its errors. It reports
// whether Reindex goes on.
func (r *reindexing) reportRecord(record *unindexed, reply *rueidis.RedisMessage) bool {
	texts, err := reply.AsStrSlice()
	if err != nil || len(texts)%2 == 0 {
		return r.fail(record.target.Applied(store.ErrShape))
	}
	r.steps.Applied()
	if texts[0] != "" {
		r.progress.Indexed++
	}
	if record.err != nil && !r.report(record.err) {
		return false
	}
	for i := 1; i < len(texts); i += 2 {
		if err := r.sharedError(record.target, texts[i], texts[i+1]); err != nil && !r.report(err) {
			return false
		}
	}
	return true
}

// sharedError returns the error of two records with one value of a unique
// field, or nil if it was reported before.
func (r *reindexing) sharedError(t fault.Target, name, coded string) error {
	l := r.listing
	own := t.Key[len(l.prefix) : len(t.Key)-len(l.suffix)]
	if !r.reported.Add(name + "\x00" + min(own, coded) + "\x00" + max(own, coded)) {
		return nil
	}
	for _, x := range r.plan.indexes {
		if x.name == name {
			t = t.WithField(x.field.Name)
		}
	}
	return t.NotApplied(fmt.Errorf("%w: the value is unique, but the records %q and %q both have it; change or delete one of them",
		fault.ErrExists, l.id(own), l.id(coded)))
}

// removeRest removes what does not stand for a record. It reports whether
// Reindex goes on.
func (r *reindexing) removeRest(ctx context.Context) bool {
	walks := []walk{r.sweepList(), r.sweepOrphans("entries"), r.sweepOrphans("checks")}
	for _, x := range r.plan.indexes {
		walks = append(walks, r.sweepOrphans(x.name))
	}
	for _, w := range walks {
		for removed, err := range r.runWalk(ctx, r.target, w) {
			if err != nil {
				return r.fail(err)
			}
			r.progress.Removed += removed
			r.steps.Applied()
			if !r.report(nil) {
				return false
			}
		}
	}
	return true
}
