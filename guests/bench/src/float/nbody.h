/*
 * The Sun and four planets for 20 steps, after the Computer Language Benchmarks Game's n-body; included by a unit of the
 * processor that defines REAL and NAME.
 */
#define BODIES 5

struct body {
  REAL x, y, z, vx, vy, vz, mass;
};

static const struct body NAME(start)[BODIES] = {
  {0, 0, 0, 0, 0, 0, 39.478417604357432},
  {4.84143144246472090, -1.16032004402742839, -0.103622044471123109, 0.606326392995832, 2.81198684491626, -0.0252183616598876,
   0.0376936749096657},
  {8.34336671824457987, 4.12479856412430479, -0.403523417114321381, -1.01077434617879, 1.82566237123041, 0.00841576137658415,
   0.0112863261319687},
  {12.8943695621391310, -15.1111514016986312, -0.223307578892655734, 1.08279100644154, 0.868713018169608, -0.0108326374013636,
   0.00172372405705971},
  {15.3796971148509165, -25.9193146099879641, 0.179258772950371181, 0.979090732243898, 0.594698998647676, -0.0347559555078104,
   0.00203368686992463},
};

static inline REAL NAME(root)(REAL value)
{
#ifdef __SSE2_MATH__
  asm("sqrtsd %0, %0" : "+x"(value));
#else
  asm("fsqrt" : "+t"(value));
#endif
  return value;
}

static NOINLINE void NAME(advance)(struct body *bodies, REAL dt)
{
  for (u32 i = 0; i < BODIES; i++) {
    struct body *a = &bodies[i];
    for (u32 j = i + 1; j < BODIES; j++) {
      struct body *b = &bodies[j];
      REAL dx = a->x - b->x, dy = a->y - b->y, dz = a->z - b->z;
      REAL squared = dx * dx + dy * dy + dz * dz;
      REAL magnitude = dt / (squared * NAME(root)(squared));
      a->vx -= dx * b->mass * magnitude;
      a->vy -= dy * b->mass * magnitude;
      a->vz -= dz * b->mass * magnitude;
      b->vx += dx * a->mass * magnitude;
      b->vy += dy * a->mass * magnitude;
      b->vz += dz * a->mass * magnitude;
    }
  }
  for (u32 i = 0; i < BODIES; i++) {
    bodies[i].x += dt * bodies[i].vx;
    bodies[i].y += dt * bodies[i].vy;
    bodies[i].z += dt * bodies[i].vz;
  }
}

static u32 NAME(nbody_work)(u32 n)
{
  struct body bodies[BODIES];
  u32 sum = 0;
  while (n--) {
    for (u32 i = 0; i < BODIES; i++) bodies[i] = NAME(start)[i];
    for (u32 i = 0; i < 20; i++) NAME(advance)(bodies, 0.01);
    for (u32 i = 0; i < BODIES; i++) sum = mix(sum, (u32)(s32)(bodies[i].x * 16777216));
  }
  return sum;
}
