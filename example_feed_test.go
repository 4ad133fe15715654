package symphony_test

import (
	"context"
	"fmt"
	"log"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// A client follows an answer while it is written, leaves, and takes it up again
// after the last entry that it has.
func ExampleFeed() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	answers, err := symphony.NewFeed[string](pools, "acme", "answers")
	if err != nil {
		log.Fatal(err)
	}

	if _, err := answers.Append(ctx, "chat9", "A lamp", " and", " a chair"); err != nil {
		log.Fatal(err)
	}
	var after symphony.Cursor
	for token, err := range answers.Follow(ctx, "chat9", after) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%q\n", token.Value)
		after = token.Cursor
		break // the client leaves
	}

	if err := answers.End(ctx, "chat9"); err != nil {
		log.Fatal(err)
	}
	for token, err := range answers.Follow(ctx, "chat9", after) { // ends after the last token
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%q\n", token.Value)
	}
	// Output:
	// "A lamp"
	// " and"
	// " a chair"
}
