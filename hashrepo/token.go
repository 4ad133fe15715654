package hashrepo

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/symphony-go/symphony/internal/fault"
)

// signatureBytes is the length of the signature in a token of a page.
const signatureBytes = 16

var errToken = fmt.Errorf("%w: After is not the token of a page of this query in this space; pass the Next of such a page, or \"\" for the first page", fault.ErrInvalidPage)

// token returns the token of the page after a place: base64 of a signature and
// the place.
func (c *core) token(q *query, place string) string {
	return base64.RawURLEncoding.EncodeToString(append(c.signature(q, place), place...))
}

// parseToken returns the place in a token of the query, or "" if there is no
// token.
func (c *core) parseToken(q *query, token string) (place string, err error) {
	if token == "" {
		return "", nil
	}
	data, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(data) <= signatureBytes {
		return "", errToken
	}
	place = string(data[signatureBytes:])
	if !bytes.Equal(c.signature(q, place), data[:signatureBytes]) {
		return "", errToken
	}
	return place, nil
}

// signature returns a hash of the space, the query without its limit, and a
// place. It finds mistakes and keeps no secret.
func (c *core) signature(q *query, place string) []byte {
	prefix, suffix := c.keyParts()
	order := ""
	if q.order != nil {
		order = q.order.name
	}
	text := appendTexts(nil, prefix, suffix, order, flag(q.descending))
	conds := make([]string, len(q.conds))
	for i := range q.conds {
		conds[i] = string(q.conds[i].fingerprint())
	}
	slices.Sort(conds)
	sum := sha256.Sum256(appendTexts(appendTexts(text, conds...), place))
	return sum[:signatureBytes]
}

// fingerprint returns bytes that are the same for equal conditions.
func (c *condition) fingerprint() []byte {
	text := appendTexts(nil, c.name, flag(c.byText), flag(c.absent))
	if c.byText {
		return appendTexts(text, c.texts...)
	}
	for _, r := range c.ranges {
		text = appendTexts(text, r.low, r.high)
	}
	return text
}

// appendTexts appends the number of texts, and each of them after its length.
func appendTexts(data []byte, texts ...string) []byte {
	data = binary.AppendUvarint(data, uint64(len(texts)))
	for _, text := range texts {
		data = append(binary.AppendUvarint(data, uint64(len(text))), text...)
	}
	return data
}
