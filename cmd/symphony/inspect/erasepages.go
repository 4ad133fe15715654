package inspect

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/symphony-go/symphony"
)

// dryRun counts the things that the erasure of a tenant removes.
func (h *handler) dryRun(tenant string) work[symphony.Erasure] {
	return work[symphony.Erasure]{name: to("erase", "count", tenant), run: func(ctx context.Context) (symphony.Erasure, error) {
		return symphony.Erase(ctx, h.pools, tenant, append(paceOf(ctx).options(), symphony.DryRun())...)
	}}
}

// erasure erases a tenant. It goes on without viewers, and runs once for each
// answer.
func (h *handler) erasure(ctx context.Context, r *http.Request, tenant string) work[symphony.Erasure] {
	return work[symphony.Erasure]{name: to("erase", "tenant", tenant), keep: true, once: true, run: func(running context.Context) (symphony.Erasure, error) {
		done, err := symphony.Erase(running, h.pools, tenant, paceOf(running).options()...)
		var removed, left int64
		for _, n := range done.Removed {
			removed += n
		}
		for _, n := range done.Left {
			left += n
		}
		h.logChange(context.WithoutCancel(ctx), r, "erase", err, "tenant", tenant, "removed", removed, "left", left)
		h.jobs.forget("")
		return done, err
	}}
}

// askErase shows the counts of a tenant, and asks for its name.
func (h *handler) askErase(ctx context.Context, r request) (page, error) {
	tenant := r.get("tenant")
	if err := h.pools.Layout().User.CheckPart(0, tenant); err != nil {
		return page{}, err
	}
	if r.get("begun") != "" {
		return h.erasing(tenant), nil
	}
	p := page{title: "Erase the tenant " + shown(tenant, 60) + "?", current: "Tenants"}
	o := ask(ctx, h.jobs, h.dryRun(tenant))
	s := section{Text: "Everything of the tenant is removed for good: records, indexes, queues, triggers and dead letters. " +
		"Stop the services that write for it first. Work that runs loses its lease."}
	addWalk(&s, o, "all keys, to count", "")
	if !o.known {
		p.sections = []section{s}
		return p, nil
	}
	s.Table = kindsTable("What would be removed", o.value.Removed)
	s.Table.Empty = "There is nothing of this tenant."
	p.sections = []section{s}
	if len(o.value.Removed) > 0 {
		p.still = true // while the name is typed
		p.sections = append(p.sections, section{Heading: "Erase it", Form: &form{
			Action: to("erase", "tenant", tenant), Button: "Erase for good", Post: true, Danger: true, Cancel: to("tenant", "name", tenant),
			Fields: []field{{Name: "name", Label: "Type the name of the tenant: " + shown(tenant, 200), Required: true}},
		}})
	}
	return p, nil
}

func kindsTable(caption string, kinds map[string]int64) *table {
	t := &table{Caption: caption, Columns: columns("Kind", "Number#"), Empty: "Nothing."}
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		t.add(kind, text(kind), amount(kinds[kind]))
	}
	return t
}

var errOtherName = errors.New("nothing was changed: the name that was typed is not that of the tenant")

func (h *handler) doErase(ctx context.Context, r request) (string, error) {
	tenant := r.get("tenant")
	if err := h.pools.Layout().User.CheckPart(0, tenant); err != nil {
		return "", err
	}
	if typed := r.PostForm.Get("name"); typed != tenant && typed != shown(tenant, 200) {
		return "", fmt.Errorf("%w: %w", symphony.ErrInvalidArgument, errOtherName)
	}
	restart(h.jobs, h.erasure(ctx, r.Request, tenant))
	return to("erase", "tenant", tenant, "begun", "1"), nil
}

// erasing shows how far the erasure of a tenant is, and its outcome.
func (h *handler) erasing(tenant string) page {
	p := page{title: "Erasing the tenant " + shown(tenant, 60), current: "Tenants"}
	o := look[symphony.Erasure](h.jobs.job(to("erase", "tenant", tenant)))
	s := section{Links: []link{{Text: "All tenants", URL: "tenants"}}}
	switch {
	case o.running:
		s.Walk = &walkState{
			Running: true, Walked: o.walked, Total: o.total, Text: "Erasing for " + roughly(time.Since(o.began)) + ", also if this page is closed",
		}
	case !o.known:
		s.Text = "No erasure of this tenant was begun since this program started."
	default:
		p.title = "The tenant " + shown(tenant, 60) + " is erased"
		s.Table = kindsTable("What was removed", o.value.Removed)
	}
	if o.err != nil {
		p.title = "The tenant " + shown(tenant, 60) + " is partly erased"
		s.Notices = append(s.Notices, problem(o.err))
	}
	p.sections = []section{s}
	if len(o.value.Left) > 0 {
		p.sections = append(p.sections, section{
			Notices: []notice{{warning, "Something writes for the tenant. Stop it, and erase again."}}, Table: kindsTable("What is left", o.value.Left),
		})
	}
	return p
}
