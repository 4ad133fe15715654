// Tools is an agent that plans a day in a city. Its loop asks a model for the
// next step and calls the tools that the model names, several of them at the
// same time. No tool gets the results of another as an argument. Each takes the
// shared state of the user from its context, reads what other tools found
// there, and adds what it found.
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

// Trip is the shared state "trip" of the user, which the tools read and write.
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

	// In a service, scope.Middleware makes such a context for each request.
	ctx, err = scope.Bind(ctx, scope.Identity{Tenant: "acme", User: "alice"}, symphony.BindSharedState(pools))
	check(err)
	check(agent(ctx, os.Stdout, "Bogotá"))
}

// agent plans a day from an empty state.
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
	return fmt.Errorf("the plan is not complete after %d rounds", maxRounds)
}

// model stands for a language model. From the state it returns the tools to
// call next, which may run at the same time, or none if the plan is complete.
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

// callAll calls tools at the same time and waits for all of them.
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
		return fmt.Errorf("the model names the tool %q, which does not exist", name)
	}
	trips, err := shared(ctx)
	if err != nil {
		return err
	}
	if err := tool(ctx); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	// The server adds, so no concurrent call is lost.
	return trips.Update(ctx, state, calls.Add(1))
}

// The tools. Their only input is a context.

var tools = map[string]func(context.Context) error{
	"locate":      locate,
	"weather":     weather,
	"museums":     suggest("the gold museum", "the museum of art"),
	"restaurants": suggest("ajiaco in La Candelaria"),
	"parks":       suggest("Monserrate", "the botanical garden"),
	"write":       write,
}

// locate uses typed access: a field by its handle.
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

// weather does not use the type Trip. It reads and writes the same record by
// field names.
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

// suggest returns a tool that adds ideas. The server appends in one step, so
// concurrent tools lose none.
func suggest(places ...string) func(context.Context) error {
	return func(ctx context.Context) error {
		trips, err := shared(ctx)
		if err != nil {
			return err
		}
		return trips.Update(ctx, state, ideas.Append(places...))
	}
}

// write computes the plan from what was found. Mutate calls the function again
// if another writer changed the record.
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

// shared returns typed access to the user's shared state. It takes about a
// microsecond, so every tool can call it.
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
