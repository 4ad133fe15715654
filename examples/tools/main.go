// Tools is an agent that plans a day in a city. Its loop asks a model what to
// do next and calls the tools that the model names: one alone, or several at
// once. No tool is handed another's results. Each takes the user's shared state
// from its context, reads there what others found, and leaves there what it
// found itself.
//
//	go run ./examples/tools            # on an embedded server
//	REDIS_URL=redis://localhost:6379 go run ./examples/tools
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"strings"
	"sync"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
	"github.com/symphony-go/symphony/scope"
)

// Trip is what the tools share: the state "trip" of the user whose day it is.
type Trip struct {
	City     string   `redis:"city"`
	Location string   `redis:"location"`
	Weather  string   `redis:"weather"`
	Ideas    []string `redis:"ideas"`
	Calls    int64    `redis:"calls"`
	Plan     string   `redis:"plan"`
}

var (
	location = hashrepo.FieldOf(func(t *Trip) *string { return &t.Location })
	ideas    = hashrepo.ListOf(func(t *Trip) *[]string { return &t.Ideas })
	calls    = hashrepo.NumberOf(func(t *Trip) *int64 { return &t.Calls })
)

const (
	state     = "trip"
	maxRounds = 10
)

func main() {
	ctx := context.Background()
	pools, err := open(ctx)
	check(err)
	defer pools.Close()

	// A service gets the same context from scope.Middleware, for every request.
	ctx, err = scope.Bind(ctx, scope.Identity{Tenant: "acme", User: "alice"}, symphony.BindSharedState(pools))
	check(err)
	check(agent(ctx, os.Stdout, "Bogotá"))
}

// agent plans a day from the beginning.
func agent(ctx context.Context, out io.Writer, city string) error {
	trips, err := shared(ctx)
	if err != nil {
		return err
	}
	if err := trips.Replace(ctx, state, Trip{City: city}); err != nil {
		return err
	}
	for range maxRounds {
		trip, err := trips.Get(ctx, state)
		if err != nil {
			return err
		}
		next := model(trip)
		if len(next) == 0 {
			fmt.Fprintf(out, "after %d calls: %s\n", trip.Calls, trip.Plan)
			return nil
		}
		fmt.Fprintln(out, "calling", strings.Join(next, ", "))
		if err := callAll(ctx, next); err != nil {
			return err
		}
	}
	return fmt.Errorf("the model is not content after %d rounds", maxRounds)
}

// model stands for a language model: it looks at the state and names the tools
// to call next, which may run at the same time. None: it is content.
func model(t Trip) []string {
	switch {
	case t.Location == "":
		return []string{"locate"}
	case t.Weather == "" || len(t.Ideas) == 0:
		return []string{"weather", "museums", "restaurants", "parks"}
	case t.Plan == "":
		return []string{"write"}
	}
	return nil
}

// callAll calls tools at the same time and waits for them all.
func callAll(ctx context.Context, names []string) error {
	errs := make([]error, len(names))
	var wg sync.WaitGroup
	for i, name := range names {
		wg.Go(func() { errs[i] = call(ctx, name) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

func call(ctx context.Context, name string) error {
	tool, ok := tools[name]
	if !ok {
		return fmt.Errorf("the model asks for %q, and there is no such tool", name)
	}
	trips, err := shared(ctx)
	if err != nil {
		return err
	}
	if err := tool(ctx); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	// Counted on the server: of calls at the same time none is lost.
	return trips.Update(ctx, state, calls.Add(1))
}

// The tools. All they get is a context.

var tools = map[string]func(context.Context) error{
	"locate":      locate,
	"weather":     weather,
	"museums":     suggest("the gold museum", "the museum of art"),
	"restaurants": suggest("ajiaco in La Candelaria"),
	"parks":       suggest("Monserrate", "the botanical garden"),
	"write":       write,
}

// locate uses the typed view: a field by its handle.
func locate(ctx context.Context) error {
	trips, err := shared(ctx)
	if err != nil {
		return err
	}
	trip, err := trips.Get(ctx, state)
	if err != nil {
		return err
	}
	return trips.Update(ctx, state, location.Set(trip.City+", 4.7 N 74.1 W"))
}

// weather knows no Trip. It reads and writes the same record by field names.
func weather(ctx context.Context) error {
	s, ok := symphony.SharedStateFrom(ctx)
	if !ok {
		return errNoState
	}
	var place string
	if err := s.GetField(ctx, state, "location", &place); err != nil {
		return err
	}
	return s.UpdateField(ctx, state, "weather", "rain in the afternoon at "+place)
}

// suggest makes a tool that adds ideas. Appending is one step on the server, so
// tools that do it at the same time lose none.
func suggest(places ...string) func(context.Context) error {
	return func(ctx context.Context) error {
		trips, err := shared(ctx)
		if err != nil {
			return err
		}
		return trips.Update(ctx, state, ideas.Append(places...))
	}
}

// write computes from all that was found. Mutate calls it again where somebody
// wrote meanwhile.
func write(ctx context.Context) error {
	trips, err := shared(ctx)
	if err != nil {
		return err
	}
	_, err = trips.Mutate(ctx, state, func(t *Trip) error {
		t.Plan = fmt.Sprintf("a day in %s (%s): %s", t.City, t.Weather, strings.Join(t.Ideas, ", "))
		return nil
	})
	return err
}

var errNoState = errors.New("the context carries no shared state; scope.Bind or scope.Middleware puts it there")

// shared is the user's shared state, typed. It costs about a microsecond, so
// every tool may ask for it.
func shared(ctx context.Context) (*hashrepo.HashRepo[Trip], error) {
	s, ok := symphony.SharedStateFrom(ctx)
	if !ok {
		return nil, errNoState
	}
	return symphony.StateOf[Trip](s)
}

func open(ctx context.Context) (*pool.Pools, error) {
	if url := os.Getenv("REDIS_URL"); url != "" {
		return pool.Open(ctx, pool.Config{URL: url})
	}
	return embedded.Open(ctx, pool.Config{})
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
