package structured

import (
	"math/big"

	"foundrylab/internal/rng"
)

// number makes a number within all bounds: of two digits after the point where nothing is said, and of more where the
// bounds are too near to each other.
func (c *choice) number(whole bool) (value, bool) {
	step := (*big.Rat)(nil)
	if whole {
		step = big.NewRat(1, 1)
	}
	for _, n := range c.parts {
		if n.multipleOf != nil {
			step = common(step, n.multipleOf)
		}
	}
	if step != nil {
		return c.multiple(step)
	}
	for digits := int64(2); digits < maxExponent; digits += digits {
		step = new(big.Rat).SetFrac(big.NewInt(1), new(big.Int).Exp(big.NewInt(10), big.NewInt(digits), nil))
		if v, ok := c.multiple(step); ok {
			return v, true
		}
	}
	return value{}, false
}

// multiple draws a multiple of step: up to a hundred steps, or whole numbers, from the bound that there is.
func (c *choice) multiple(step *big.Rat) (value, bool) {
	least, most := c.bounds(step)
	usual := new(big.Int).SetInt64(100)
	if step.Cmp(big.NewRat(1, 1)) < 0 { // a hundred whole ones
		usual = floor(new(big.Rat).Quo(big.NewRat(100, 1), step))
	}
	switch {
	case least == nil && most == nil:
		least, most = new(big.Int), usual
	case least == nil:
		least = new(big.Int).Sub(most, usual)
		if most.Sign() >= 0 && least.Sign() < 0 {
			least.SetInt64(0) // a plain upper bound means a number from zero
		}
	case most == nil:
		most = new(big.Int).Add(least, usual)
	}
	span := new(big.Int).Sub(most, least)
	if span.Sign() < 0 {
		return value{}, false
	}
	k := int64(1<<62 - 1)
	if span.IsInt64() {
		k = min(k, span.Int64())
	}
	k = rng.Below(c.from.Dice.Next(), k+1)
	n := new(big.Rat).SetInt(new(big.Int).Add(least, big.NewInt(k)))
	return value{kind: number, num: n.Mul(n, step)}, true
}

// bounds returns the least and the greatest multiple of step within the bounds; nil where there is none.
func (c *choice) bounds(step *big.Rat) (least, most *big.Int) {
	for _, n := range c.parts {
		if n.least != nil {
			q := new(big.Rat).Quo(n.least, step)
			k := new(big.Int).Neg(floor(new(big.Rat).Neg(q))) // rounded up
			if n.leastOpen && q.IsInt() {
				k.Add(k, big.NewInt(1))
			}
			if least == nil || k.Cmp(least) > 0 {
				least = k
			}
		}
		if n.most != nil {
			q := new(big.Rat).Quo(n.most, step)
			k := floor(q)
			if n.mostOpen && q.IsInt() {
				k.Sub(k, big.NewInt(1))
			}
			if most == nil || k.Cmp(most) < 0 {
				most = k
			}
		}
	}
	return least, most
}

func floor(r *big.Rat) *big.Int {
	q, m := new(big.Int).DivMod(r.Num(), r.Denom(), new(big.Int))
	_ = m // Euclidean, so q is the floor for a positive denominator
	return q
}

// common returns the least common multiple of two positive steps; a nil one does not count. In lowest terms that is the
// numerators' least common multiple over the denominators' greatest common divisor.
func common(a, b *big.Rat) *big.Rat {
	if a == nil {
		return b
	}
	g := new(big.Int).GCD(nil, nil, a.Num(), b.Num())
	num := new(big.Int).Mul(new(big.Int).Quo(a.Num(), g), b.Num())
	return new(big.Rat).SetFrac(num, new(big.Int).GCD(nil, nil, a.Denom(), b.Denom()))
}
