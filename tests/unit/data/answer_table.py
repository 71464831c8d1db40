"""Answers of every kind: on each line the true one, others that are right, and after || some that are wrong."""

from tests.unit.data.answer_variants import TABLE as VARIANTS

# Lines as long as they are: a line is a true answer with all that is compared with it.
# ruff: noqa: E501, RUF001
TABLE = r"""
7 ;; 7.00 ;; +7 ;; 7. ;; \(7\) ;; \[7\] ;; **7** ;; $7$ ;; {7} ;; \mathbf{7} ;; 14/2 ;; \frac{14}{2} ;; 7{,} ;; \text{7} ;; x=7 ;; 7=x ;; 7\text{ kg} ;; 7 kg ;; \$7 ;; 7 \text{ dollars} ;; (7) ;; 10-3 ;; 7.0 ;; \left(7\right) ;; \displaystyle 7 ;; \large 7 ;; \text{Total: }7 ;; n = 7 ;; 7\,\text{cm}^2 ;; 7\ \mathrm{m/s} ;; 7~\text{units} ;; 7^{\text{th}} || 8 ;; -7 ;; 70 ;; 0.7 ;; 7\pi ;; 7x ;; 7i ;; 7^2 ;; 77 ;; 7,7 ;; 6.99 ;; 7.01 ;; \frac17 ;; \sqrt7 ;; 7! ;; 8=7 ;; 7=8 ;; x>7 ;; x\ge 7 ;; \{7,8\} ;; (7,8) ;; 7 or 8 ;; \pm 7 ;; 7\pm1 ;; seventy ;; E7 ;; 7e1 ;; 7:1 ;; |x|=8 ;; 7-x ;; 2x=7 ;; x+1=7 ;; \log 7 ;; 70\% ;; [7,7.5]
-12 ;; -12.0 ;; \text{-}12 ;; − 12 ;; –12 ;; $-12$ ;; -\frac{24}{2} ;; \frac{-24}{2} ;; \frac{24}{-2} ;; -(12) ;; (-12) ;; x=-12 ;; -12^\circ ;; -\$12 || 12 ;; -11 ;; 1-2 ;; -1.2 ;; -120 ;; -21 ;; +12 ;; |-12| ;; 12- ;; x=12 ;; -12x
12345 ;; 12,345 ;; 12{,}345 ;; 12\,345 ;; 12\;345 ;; 12 345 ;; 12\ 345 ;; 12,345.0 ;; 12.345\times 10^3 ;; 1.2345e4 ;; 12,345\text{ people} ;; \$12,345 ;; \$12,345.00 || 12.345 ;; 12,354 ;; 12, 345 ;; 1,2345 ;; 1234 ;; 123,45 ;; 12345.5
2500000 ;; 2,500,000 ;; 2.5\times10^6 ;; 2.5 \cdot 10^{6} ;; 25\times 10^5 ;; 2.5e6 ;; 2.5E6 ;; 2.5 × 10^6 ;; 2.5×10⁶ ;; 2{,}500{,}000 || 2.5\times10^5 ;; 2.5\times 10^{-6} ;; 2,500 ;; 2.5 ;; 2500001 ;; 2.6e6 ;; 25e6
0.00032 ;; 3.2\times10^{-4} ;; 3.2e-4 ;; .00032 ;; 32\times 10^{-5} ;; \frac{32}{100000} ;; \frac{2}{6250} ;; 0.032\% ;; 3.2 \cdot 10^{-4} ;; 3.2×10⁻⁴ || 3.2\times10^{-5} ;; 0.0032 ;; 0.00033 ;; 3.2\times10^4 ;; 0.0003 ;; 0.00031 ;; 0
\frac{5}{8} ;; 5/8 ;; \frac58 ;; \dfrac{5}{8} ;; \tfrac58 ;; 0.625 ;; .625 ;; 62.5\% ;; \frac{10}{16} ;; 5\div8 ;; {5 \over 8} ;; ⅝ ;; \frac 5 8 ;; \frac{5}8 ;; \frac5{8} ;; 5⁄8 ;; \left(\frac{5}{8}\right) ;; 1-\frac38 ;; \frac{5}{8}\text{ cup} ;; P=\frac58 ;; \text{Probability} = \frac{5}{8} ;; \frac{5}{8} = 0.625 ;; \frac{5}{8}\approx 0.63 || \frac85 ;; \frac{5}{9} ;; \frac{6}{8} ;; 0.62 ;; 0.63 ;; 5:8 ;; 58 ;; -\frac58 ;; 5.8 ;; 6.25 ;; 0.625\% ;; \frac{5}{8}=0.62 ;; \frac{5x}{8} ;; \frac{5}{8}\pi ;; \frac{5}{8}=\frac{6}{8}
2\frac{3}{5} ;; \frac{13}{5} ;; 2.6 ;; 2 \frac35 ;; 2\tfrac{3}{5} ;; 2 3/5 ;; 2+\frac35 ;; 2⅗ ;; 13/5 ;; 2\ \frac{3}{5} ;; 2\,\frac{3}{5}\text{ hours} || \frac{6}{5} ;; 2.35 ;; \frac{23}{5} ;; 2\frac{2}{5} ;; 3\frac{3}{5} ;; 2\cdot\frac35 ;; -2\frac35 ;; 2 ;; \frac35 ;; \frac{13}{3} ;; 1.2
-1\frac{1}{4} ;; -1.25 ;; -\frac54 ;; -(1+\frac14) ;; -1 1/4 || -0.75 ;; -\frac34 ;; 1.25 ;; -\frac14 ;; -\frac{11}{4}
\frac{2}{3} ;; 0.\overline{6} ;; 0.\bar{6} ;; 0.\bar6 ;; 0.666\ldots ;; 0.6666... ;; 0.666… ;; 0.(6) ;; 0.\dot{6} ;; 0.\dot6 ;; 0.666667 ;; 0.66666667 ;; \frac{4}{6} ;; 66\frac23\% ;; 66.\overline{6}\% ;; ⅔ ;; 0.6̅ ;; 0.\overline{66} || 0.6 ;; 0.67 ;; 0.667 ;; 0.66 ;; 0.\overline{3} ;; 0.\overline{67} ;; 0.333\ldots ;; \frac32 ;; 0.6\overline{7} ;; 0.666677 ;; 66.7\% ;; 0.7
\frac{7}{22} ;; 0.3\overline{18} ;; 0.3181818\ldots ;; 0.3\dot{1}\dot{8} ;; 0.3(18) || 0.3\overline{81} ;; 0.\overline{318} ;; 0.318 ;; 0.3\overline{1} ;; 0.32
35\% ;; 35 ;; 0.35 ;; \frac{7}{20} ;; 35 percent ;; 35\text{ percent} ;; 35 \% ;; 35\text{\%} ;; 35.0\% || 3.5 ;; 0.0035 ;; 53\% ;; 350\% ;; 0.35\% ;; 34\% ;; 36 ;; 65\%
12.5 ;; 12.5\% ;; 12\frac12 ;; \$12.50 ;; 12.50\text{ dollars} ;; \frac{25}{2} || 1.25 ;; 12 ;; 13 ;; 12.05 ;; 0.125 ;; 125 ;; 12,5 ;; 12.6
\$3.75 ;; 3.75 ;; 3.75\text{ dollars} ;; \$3\frac34 ;; 375\text{ cents} || 375 ;; \$37.5 ;; 3.75\text{ cents} ;; €3.75 ;; \$3.57 ;; 3.7
40\text{ cm} ;; 40 ;; 40 cm ;; 40\,\mathrm{cm} ;; 40\text{ centimeters} ;; 0.4\text{ m} ;; 400\text{ mm} ;; 40cm ;; 40\operatorname{cm} || 40\text{ m} ;; 40\text{ km} ;; 40\text{ kg} ;; 4\text{ cm} ;; 40\text{ cm}^2 ;; 40\text{ inches} ;; 41 ;; 40\text{ mm}
3\text{ m} ;; 3 ;; 3 m ;; 3\text{ meters} ;; 3\mathrm{~m} ;; 300 \text{ cm} || 3\text{ km} ;; 3\text{ cm} ;; 3\text{ s} ;; 3 km ;; 3\text{ m}^2
18\text{ m}^2 ;; 18 ;; 18 m^2 ;; 18\text{ square meters} ;; 18\text{ sq. m} ;; 18\,\text{m}^{2} ;; 18 m² || 18\text{ m} ;; 18\text{ m}^3 ;; 18\text{ cm}^2 ;; 81 ;; 18^2
60\text{ mph} ;; 60 ;; 60\text{ miles per hour} ;; 60 mph ;; 60\text{ mi/h} ;; 60\ \frac{\text{mi}}{\text{h}} || 60\text{ km/h} ;; 60\text{ minutes} ;; 6 ;; 60\text{ miles}
2\text{ hours} ;; 2 ;; 2 hours ;; 2\text{ h} ;; 120\text{ minutes} ;; 2\text{ hrs} || 2\text{ minutes} ;; 2\text{ days} ;; 20 ;; 120 ;; 2\text{ seconds}
15\text{ apples} ;; 15 ;; 15 apples ;; 15\text{ red apples} || 15\text{ oranges} ;; 51 ;; 15\text{ km} ;; 14\text{ apples}
10 AM ;; 10 ;; 10\text{ AM} ;; 10 a.m. ;; 10\text{ a.m.} || 10 PM ;; 10\text{ p.m.} ;; 11 AM ;; 22
3:45 ;; 3:45\text{ PM} ;; 3{:}45 || 3:54 ;; 4:45 ;; 345 ;; \frac{3}{45} ;; 3.75 ;; 3:40 ;; 45:3
7:30\text{ AM} ;; 7:30 ;; 7:30\text{ a.m.} ;; 7{:}30 AM || 7:30\text{ PM} ;; 7:03 ;; 19:30 ;; 730
45^\circ ;; 45 ;; 45° ;; 45^{\circ} ;; 45\text{ degrees} ;; 45\degree ;; \angle A = 45^\circ ;; 45 \textdegree ;; \theta=45^{\circ} || 54^\circ ;; 4.5^\circ ;; -45^\circ ;; 45\text{ radians} ;; 45^\circ\text{C} ;; 90^\circ ;; 135°
\sqrt{3} ;; √3 ;; \sqrt3 ;; 3^{1/2} ;; 3^{\frac12} ;; 3^{0.5} ;; \frac{3}{\sqrt{3}} ;; sqrt(3) ;; \sqrt{12}/2 ;; 2\sin 60^\circ ;; \tan\frac{\pi}{3} ;; \sqrt{3}\text{ cm} ;; 1.7320508 ;; √(3) ;; \sqrt[2]{3} || \sqrt{2} ;; 1.73 ;; 1.732 ;; \sqrt[3]{3} ;; -\sqrt3 ;; 3 ;; \sqrt{3}i ;; \sqrt{3}x ;; 1.7320509 ;; 9 ;; \frac{\sqrt3}{3} ;; \sqrt{30} ;; \sqrt{3.0001}
4\sqrt{5} ;; \sqrt{80} ;; 4√5 ;; 2\sqrt{20} ;; 4\cdot\sqrt{5} ;; 4\times\sqrt{5} ;; 4*sqrt(5) ;; \sqrt{16}\sqrt{5} ;; 4 \sqrt 5 ;; \sqrt5\cdot 4 || 5\sqrt{4} ;; 4\sqrt{6} ;; \sqrt{20} ;; 45 ;; 4+\sqrt5 ;; 8.94 ;; -4\sqrt5 ;; 4\sqrt[3]{5} ;; 4\sqrt{5}x ;; \sqrt{45}
\frac{3+\sqrt{17}}{4} ;; \frac{\sqrt{17}+3}{4} ;; 0.75+\frac{\sqrt{17}}{4} ;; (3+\sqrt{17})/4 ;; \frac{6+2\sqrt{17}}{8} ;; \frac34+\frac14\sqrt{17} ;; x=\frac{3+\sqrt{17}}{4} || \frac{3-\sqrt{17}}{4} ;; \frac{3+\sqrt{17}}{2} ;; \frac{\sqrt{17}-3}{4} ;; 3+\sqrt{17}/4 ;; \frac{3\pm\sqrt{17}}{4} ;; 1.78
\frac{-1\pm\sqrt{5}}{2} ;; \frac{-1+\sqrt5}{2},\frac{-1-\sqrt5}{2} ;; -\frac12\pm\frac{\sqrt5}{2} ;; x=\frac{-1\pm\sqrt{5}}{2} ;; \frac{-1\mp\sqrt{5}}{2} ;; \left\{\frac{-1+\sqrt5}{2},\frac{-1-\sqrt5}{2}\right\} || \frac{-1+\sqrt5}{2} ;; \frac{1\pm\sqrt5}{2} ;; \frac{-1\pm\sqrt{5}}{4} ;; -1\pm\sqrt5 ;; \frac{-1+\sqrt5}{2},\frac{1-\sqrt5}{2}
\frac{\pi}{6} ;; π/6 ;; \pi/6 ;; \frac16\pi ;; \frac{2\pi}{12} ;; \arcsin\frac12 ;; \sin^{-1}(1/2) ;; 30\cdot\frac{\pi}{180} ;; pi/6 || \frac{6}{\pi} ;; \frac{\pi}{3} ;; 0.52 ;; \frac16 ;; \pi ;; -\frac{\pi}{6} ;; \frac{\pi}{6}i
25\pi ;; 25π ;; 25\pi\text{ cm}^2 ;; \pi\cdot25 ;; 5^2\pi ;; 25 \pi ;; 25*pi ;; 78.5398163 || 25 ;; 5\pi ;; 25\pi^2 ;; 78.5 ;; 52\pi ;; 25+\pi ;; 2.5\pi ;; 25p
e^2 ;; e^{2} ;; e\cdot e ;; \exp(2) ;; \mathrm{e}^2 ;; e² || 2e ;; e ;; e^{-2} ;; 7.39 ;; e^3 ;; E^2 ;; 2^e
\ln 2 ;; \ln(2) ;; \log_e 2 ;; \ln{2} ;; -\ln\frac12 ;; \frac12\ln4 ;; \log 2 || \ln 3 ;; 2\ln ;; \log_{10}2 ;; \ln\frac12 ;; 0.69 ;; \log_2 2 ;; \ln 2+1
\log_3 7 ;; \frac{\ln 7}{\ln 3} ;; \frac{\log 7}{\log 3} ;; \log_{3}{7} ;; \log_{3}(7) ;; \frac{1}{\log_7 3} || \log_7 3 ;; \frac73 ;; \log 7 ;; \ln\frac73
2^{10} ;; 1024 ;; 4^5 ;; 32^2 ;; 1,024 ;; 2^{12}/4 || 2^{11} ;; 1023 ;; 1025 ;; 20 ;; 210 ;; 10^2 ;; 2\cdot10
3^{200} ;; 9^{100} ;; 3^{100}\cdot 3^{100} ;; 27^{200/3} || 3^{201} ;; 3^{200}+1 ;; 3^{199} ;; 3^{200}-1 ;; 9^{200} ;; 2.656\times10^{95} ;; 600
\binom{8}{3} ;; 56 ;; {8 \choose 3} ;; \frac{8!}{3!5!} ;; \dbinom{8}{5} || 336 ;; 24 ;; \frac83 ;; \binom{9}{3} ;; (8,3) ;; 65
6! ;; 720 ;; 6\cdot5! ;; 3!\cdot120 || 120 ;; 5040 ;; 6 ;; 721
100! ;; 100\cdot 99! || 99! ;; 101! ;; 100!+1 ;; 9.33\times10^{157}
2+3i ;; 3i+2 ;; 2 + 3 i ;; 2+3\mathrm{i} ;; 2-(-3i) ;; z=2+3i ;; (2+3i) ;; 2+i\cdot 3 || 2-3i ;; 3+2i ;; 5i ;; 5 ;; -2+3i ;; 2+3 ;; (2,3) ;; 2+3j ;; 2i+3
-i ;; \frac1i ;; i^3 ;; -\sqrt{-1} ;; 0-i ;; e^{-i\pi/2} || i ;; -1 ;; 1 ;; j
\frac{1+i}{\sqrt2} ;; e^{i\pi/4} ;; \frac{\sqrt2}{2}+\frac{\sqrt2}{2}i ;; \cos\frac{\pi}{4}+i\sin\frac\pi4 ;; \sqrt{i} || \frac{1-i}{\sqrt2} ;; \frac{1+i}{2} ;; e^{i\pi/3} ;; e^{-i\pi/4}
x^2-5x+6 ;; (x-2)(x-3) ;; 6-5x+x^2 ;; (x-3)(x-2) ;; x(x-5)+6 ;; x^2 - 5x + 6 ;; x²-5x+6 ;; x*x-5*x+6 ;; f(x)=x^2-5x+6 ;; y=x^2-5x+6 || x^2+5x+6 ;; x^2-5x-6 ;; (x+2)(x-3) ;; x^2-5x ;; y^2-5y+6 ;; x^2-6x+5 ;; x^3-5x+6 ;; 2x^2-10x+12 ;; x^2-5x+6=0 ;; x-2,x-3 ;; x=2,3 ;; 2,3 ;; 2x-5x+6
3x+7 ;; 7+3x ;; 3\cdot x+7 ;; 3(x+2)+1 ;; 3 x + 7 ;; y=3x+7 ;; 3x+7=y ;; 3*x+7 || 3x-7 ;; 7x+3 ;; 3x ;; 10x ;; 3x+8 ;; 3y+7 ;; 3x+7y ;; -3x-7 ;; 3x^2+7 ;; 3+7x
\frac{x+1}{x-1} ;; (x+1)/(x-1) ;; \frac{-x-1}{1-x} ;; 1+\frac{2}{x-1} ;; \frac{x^2-1}{(x-1)^2} || \frac{x-1}{x+1} ;; x+1/x-1 ;; \frac{x+1}{x} ;; -1 ;; \frac{x+1}{1-x} ;; \frac{x+2}{x-1}
\frac{n(n+1)}{2} ;; \frac{n^2+n}{2} ;; \binom{n+1}{2} ;; n(n+1)/2 ;; \frac12n(n+1) ;; S_n=\frac{n(n+1)}{2} || \frac{n(n-1)}{2} ;; n(n+1) ;; \frac{n^2}{2} ;; \frac{n(n+1)}{3} ;; \frac{m(m+1)}{2} ;; \frac{n(n+2)}{2}
2^n-1 ;; -1+2^n ;; 2^{n}-1 ;; \frac{2^{n+1}-2}{2} || 2^{n-1} ;; 2^n+1 ;; 2n-1 ;; n^2-1 ;; 2^n ;; 2^{n+1}-1
a^2-b^2 ;; (a-b)(a+b) ;; -b^2+a^2 || b^2-a^2 ;; (a-b)^2 ;; a^2+b^2 ;; (a+b)^2 ;; a-b ;; A^2-B^2
\sin 2x ;; \sin(2x) ;; \sin{2x} || \cos 2x ;; \sin 2y ;; \sin x^2
\tan^2 x+1 ;; \frac{1}{\cos^2x} || \csc^2x ;; \tan^2 x-1
|x-3| ;; |3-x| ;; \left|x-3\right| ;; \lvert x-3\rvert ;; \sqrt{(x-3)^2} || x-3 ;; 3-x ;; |x+3| ;; |x|-3
e^{-x}\cos x ;; \frac{\cos x}{e^x} ;; \cos(x)e^{-x} || e^{-x\cos x}
\frac{x^3}{3}+C ;; \frac13x^3+C ;; C+\frac{x^3}{3} || \frac{x^3}{3} ;; x^3+C ;; \frac{x^2}{2}+C
(2,5) ;; (2, 5) ;; \left(2,5\right) ;; (2.0,5.0) ;; \langle 2,5\rangle ;; x=2,y=5 ;; (x,y)=(2,5) ;; x=2 \text{ and } y=5 ;; y=5, x=2 ;; 2<x<5 ;; x\in(2,5) ;; (\frac42,5) ;; P(2,5) ;; (2;5) || (5,2) ;; [2,5] ;; (2,5] ;; [2,5) ;; (2,6) ;; (2,-5) ;; (2,5,0) ;; 2.5 ;; \{2,5\} ;; x=5,y=2 ;; 25 ;; (25) ;; \frac25 ;; (2,5),(5,2) ;; 5,2 ;; 2 ;; 2:5
(1,-2,\frac12) ;; (1,-2,0.5) ;; \left(1,-2,\tfrac12\right) ;; x=1,y=-2,z=\frac12 ;; (x,y,z)=(1,-2,1/2) || (1,2,\frac12) ;; (-2,1,\frac12) ;; (1,-2) ;; (1,-2,2) ;; \{1,-2,\frac12\}
(1,2),(3,4) ;; (3,4),(1,2) ;; (1,2) \text{ and } (3,4) ;; \{(1,2),(3,4)\} ;; (1, 2), (3, 4) || (1,2),(4,3) ;; (2,1),(3,4) ;; (1,2,3,4) ;; (1,2),(3,4),(5,6) ;; 1,2,3,4 ;; (1,3),(2,4)
1,3,5 ;; 5,3,1 ;; 1, 3, 5 ;; 1,3\text{ and }5 ;; 1, 3, and 5 ;; \{1,3,5\} ;; x=1,3,5 ;; x=1, x=3, x=5 ;; 3, 1, 5 ;; 1;3;5 ;; \{5,3,1\} || 1,3 ;; 1,3,6 ;; 135 ;; 1,3,5,7 ;; (5,3,1) ;; 1,1,3,5 ;; 1+3+5 ;; -1,3,5 ;; 9 ;; [1,5]
\{2,4,6\} ;; \{6,4,2\} ;; \left\{2,4,6\right\} ;; 2,4,6 ;; \{2, 4, 6\} ;; \lbrace 2,4,6\rbrace ;; A=\{2,4,6\} || \{2,4\} ;; (2,4,6) ;; [2,4,6] ;; \{2,4,6,8\} ;; \{2,4,5\} ;; [2,6] ;; \{\} ;; 246
\emptyset ;; \{\} ;; \{ \} ;; ∅ ;; \{\,\} || \{0\} ;; \{\emptyset\} ;; (0,0) ;; \mathbb{R}
[-3,4) ;; \left[-3,4\right) ;; -3\le x<4 ;; 4>x\ge-3 ;; x\in[-3,4) ;; [-3, 4) ;; -3 \leq x < 4 ;; -3≤x<4 ;; x\ge -3 \text{ and } x<4 ;; \{x \mid -3\le x<4\} ;; \{x : -3 \le x < 4\} ;; x>=-3, x<4 ;; [-3,1)\cup[1,4) || [-3,4] ;; (-3,4) ;; (-3,4] ;; [3,4) ;; [-3,5) ;; -3<x<4 ;; x<4 ;; x\ge-3 ;; [4,-3) ;; -3\le x\le 4 ;; \{-3,4\} ;; (-\infty,4) ;; -3,4
(-\infty,2]\cup(5,\infty) ;; (5,\infty)\cup(-\infty,2] ;; x\le2 \text{ or } x>5 ;; (-∞,2]∪(5,∞) ;; x \leq 2, x > 5 ;; \left(-\infty,2\right]\cup\left(5,+\infty\right) ;; x\in(-\infty,2]\cup(5,\infty) ;; \mathbb{R}\setminus(2,5] ;; (-\infty,2] U (5,\infty) || (-\infty,2)\cup(5,\infty) ;; (-\infty,2]\cup[5,\infty) ;; (2,5] ;; x\le2 ;; (-\infty,2]\cap(5,\infty) ;; (-\infty,-2]\cup(5,\infty) ;; 2<x\le5
x>3 ;; 3<x ;; (3,\infty) ;; x\in(3,\infty) ;; (3,+\infty) ;; x \gt 3 || x\ge3 ;; x<3 ;; 3 ;; x=3 ;; y>3 ;; [3,\infty) ;; (-\infty,3) ;; x>4 ;; -x>3
x\neq 1 ;; x\ne1 ;; (-\infty,1)\cup(1,\infty) ;; \mathbb{R}\setminus\{1\} ;; x ≠ 1 || x=1 ;; 1 ;; x\neq -1 ;; \mathbb{R} ;; (1,\infty)
(-\infty,\infty) ;; \mathbb{R} ;; ℝ ;; (-\infty,+\infty) ;; x\in\mathbb{R} ;; \mathbb R || [-\infty,0] ;; (0,\infty) ;; \emptyset ;; \infty
(\sqrt2,\pi] ;; \left(\sqrt{2},\pi\right] ;; \sqrt2<x\le\pi || [\sqrt2,\pi] ;; (\sqrt2,3.14] ;; (\sqrt3,\pi] ;; (\pi,\sqrt2]
2x+y<6 ;; y<6-2x ;; 6>2x+y ;; 4x+2y<12 ;; 2x+y-6<0 || 2x+y\le6 ;; 2x+y>6 ;; -2x-y<-6 ;; 2x-y<6 ;; 2x+y=6
y=2x-3 ;; 2x-3 ;; 2x-y=3 ;; y-2x+3=0 ;; 2x-y-3=0 ;; y = -3+2x ;; f(x)=2x-3 ;; 4x-2y=6 ;; y+3=2x || y=2x+3 ;; y=3x-2 ;; x=2y-3 ;; 2x+y=3 ;; y=2x ;; 3 ;; y=-2x-3 ;; 2x-3=0 ;; y>2x-3
(x-1)^2+(y+2)^2=9 ;; (y+2)^2+(x-1)^2=9 ;; (x-1)^2+(y+2)^2=3^2 ;; x^2+y^2-2x+4y-4=0 ;; (x-1)^2+(y+2)^2-9=0 ;; 9=(x-1)^2+(y+2)^2 || (x+1)^2+(y-2)^2=9 ;; (x-1)^2+(y+2)^2=3 ;; (x-1)^2+(y-2)^2=9 ;; (x-1)^2+(y+2)^2=81 ;; 9 ;; (x-1)^2-(y+2)^2=9
\frac{x^2}{9}+\frac{y^2}{4}=1 ;; 4x^2+9y^2=36 ;; \frac{y^2}{4}+\frac{x^2}{9}=1 ;; \frac{x^2}{3^2}+\frac{y^2}{2^2}=1 || \frac{x^2}{4}+\frac{y^2}{9}=1 ;; \frac{x^2}{9}-\frac{y^2}{4}=1 ;; 1 ;; \frac{x^2}{9}+\frac{y^2}{4}=0
x=4 ;; 4 ;; 4=x ;; x = 4.0 ;; \boxed{x=4} ;; x=\frac82 ;; x=2^2=4 || x=5 ;; y=4x ;; x=-4 ;; x=44 ;; x>4 ;; x\neq4 ;; 4x ;; x=4,5 ;; x^2=4 ;; x=2^2=5
\begin{pmatrix}2&-1\\0&3\end{pmatrix} ;; \begin{bmatrix}2&-1\\0&3\end{bmatrix} ;; \left[\begin{array}{cc}2&-1\\0&3\end{array}\right] ;; \begin{pmatrix} 2 & -1 \\ 0 & 3 \end{pmatrix} ;; \begin{pmatrix}2&-1\\0&3\\\end{pmatrix} ;; A=\begin{pmatrix}2&-1\\0&\frac62\end{pmatrix} || \begin{pmatrix}2&0\\-1&3\end{pmatrix} ;; \begin{pmatrix}2&1\\0&3\end{pmatrix} ;; \begin{pmatrix}2&-1&0&3\end{pmatrix} ;; \begin{pmatrix}2&-1\\0&4\end{pmatrix} ;; \begin{vmatrix}2&-1\\0&3\end{vmatrix} ;; 6 ;; (2,-1,0,3)
\begin{pmatrix}4\\-7\end{pmatrix} ;; \begin{bmatrix}4\\-7\end{bmatrix} ;; \begin{pmatrix}4\\ -7\end{pmatrix} ;; \left(\begin{matrix}4\\-7\end{matrix}\right) || \begin{pmatrix}-7\\4\end{pmatrix} ;; \begin{pmatrix}4&-7\end{pmatrix} ;; \begin{pmatrix}4\\7\end{pmatrix} ;; \begin{pmatrix}4\end{pmatrix}
B ;; (B) ;; \text{B} ;; \textbf{(B)} ;; \text{(B)} ;; b ;; B. ;; (B) 12 ;; \textbf{(B)}\ 12 ;; \text{(B) } 12 ;; (b) ;; \mathrm{B} ;; \mathbf{B} ;; B) 12 ;; **B** ;; \text{B. } 12 ;; \textbf{(B) }\frac{1}{2} ;; B: 12 ;; \boxed{B} ;; Option B ;; \text{Choice B} || A ;; (C) ;; AB ;; 8 ;; D. 12 ;; \textbf{(A)}\ 12 ;; 12 ;; BB ;; A, B ;; P ;; \beta ;; BC ;; B+C
\textbf{(D)}\ 36 ;; D ;; 36 ;; (D) ;; (D) 36 ;; \text{D} ;; d || C ;; 63 ;; (C) 36 ;; (D) 35x ;; (E)
36 ;; \textbf{(D)}\ 36 ;; (D) 36 || (D) 63 ;; D ;; (A) ;; A
yes ;; Yes ;; \text{yes} ;; YES ;; \textbf{Yes} ;; Yes. ;; "yes" || no ;; No ;; \text{no} ;; yse ;; ye ;; sye ;; maybe ;; y ;; 1 ;; true
\text{Tuesday} ;; Tuesday ;; tuesday ;; \textit{Tuesday} ;; \mathrm{Tuesday} || Thursday ;; Tuseday ;; \text{Monday} ;; Tues ;; yadseuT
\text{even} ;; EVEN ;; \text{Even.} ;; \mathrm{even} || odd ;; \text{neither} ;; vene ;; e ;; 4ev
\text{no} ;; No ;; no ;; \text{No} || \text{on} ;; yes ;; n ;; o ;; not
no ;; No ;; \text{no} || on ;; yes ;; o n ;; n\cdot o
\text{ellipse} ;; ellipse ;; Ellipse ;; an ellipse || circle ;; parabola ;; \text{hyperbola}
\text{Carla} ;; Carla ;; carla || Clara ;; \text{Clara} ;; Carl ;; Carol
\text{Abe} ;; Abe || Eba ;; Bea ;; Ab
XYZ ;; \text{XYZ} || ZYX ;; YXZ ;; XZ ;; XY
PQR ;; \text{PQR} || RQP ;; QPR ;; PQ ;; P\cdot Q\cdot R
\triangle ABC ;; \triangle{ABC} || \triangle ABD ;; \angle ABC ;; \triangle CBA
DNE ;; dne || END ;; \text{NED} ;; 0 ;; \infty ;; DEN
TTFT ;; \text{TTFT} || TFTT ;; FTTT ;; TTF ;; TTTF
xy ;; yx ;; x\cdot y ;; x y ;; y*x || x ;; x+y ;; x^2y ;; xz ;; -xy ;; 2xy
3ab^2 ;; 3b^2a ;; 3\cdot a\cdot b^2 ;; 3a b^2 || 3a^2b ;; 3ab ;; (3ab)^2 ;; 2ab^3 ;; 3abc
\infty ;; +\infty ;; infinity || -\infty ;; 0 ;; \text{undefined} ;; 8 ;; 1 ;; \infty^2x
-\infty ;; -∞ || \infty ;; 0
\text{undefined} ;; undefined ;; Undefined || 0 ;; defined ;; \emptyset
1011_2 ;; 1011 ;; 1011_{2} ;; 1011_{\text{two}} ;; 1011₂ || 1101_2 ;; 1011_3 ;; 10110_2 ;; 111_2 ;; 1101
4\pi r^2 ;; 4r^2\pi ;; 4\pi r^{2} ;; S=4\pi r^2 || 4\pi r ;; 4\pi R^2 ;; \frac43\pi r^3 ;; 4r^2 ;; (4\pi r)^2
\frac{a+b}{2} ;; \frac{1}{2}(a+b) ;; 0.5a+0.5b ;; \frac{b+a}{2} ;; (a+b)/2 || a+\frac b2 ;; a+b/2 ;; \frac{a-b}{2} ;; \frac{ab}{2} ;; \frac{a+b}{3}
x_1+x_2 ;; x_{1}+x_{2} ;; x_2+x_1 ;; x₁+x₂ || x_1-x_2 ;; x_1+x_3 ;; 2x ;; x_1x_2
\sqrt[3]{7} ;; 7^{1/3} ;; ∛7 ;; \sqrt[3]7 ;; 7^{\frac{1}{3}} || \sqrt7 ;; \sqrt[7]{3} ;; 7/3 ;; 3\sqrt7 ;; 1.91 ;; \sqrt[4]{7}
-2 ;; \sqrt[3]{-8} ;; -\sqrt[3]{8} || 2 ;; \sqrt[3]{8} ;; \sqrt{-4}
\frac{1}{3}\pi ;; \frac{\pi}{3} ;; \pi/3 || \frac{1}{3\pi} ;; 3\pi ;; \frac13
10^{-30} ;; \frac{1}{10^{30}} ;; 1\times10^{-30} ;; 1e-30 || 10^{-31} ;; 0 ;; 2\times10^{-30} ;; 10^{30}
\frac{1}{25!} ;; \frac{1}{25\cdot24!} || \frac{1}{26!} ;; \frac{1}{24!} ;; 0 ;; \frac{2}{25!}
\frac{3^{90}+2}{3^{91}} ;; \frac13+\frac{2}{3^{91}} || \frac13 ;; \frac{3^{90}+1}{3^{91}} ;; \frac{2}{3^{91}}
\sqrt{2}+10^{-40} ;; 10^{-40}+\sqrt2 || \sqrt2 ;; \sqrt2+10^{-41} ;; \sqrt2-10^{-40}
\pi+10^{-150} ;; 10^{-150}+\pi || \pi ;; \pi+10^{-151}
x+10^{-30} ;; 10^{-30}+x || x ;; x+10^{-31} ;; x-10^{-30}
98765432101 ;; 98,765,432,101 || 98765432102 ;; 98765432100 ;; 9.8765432101\times10^{11} ;; 9.8765\times10^{10}
k\pi ;; \pi k ;; k\pi, k\in\mathbb{Z} ;; x=k\pi || 2k\pi ;; k ;; \pi ;; k\pi+\pi
\frac{\pi}{4}+k\pi ;; \frac{\pi}{4}+\pi k, k \in \mathbb{Z} ;; x=\frac\pi4+k\pi || \frac\pi4+2k\pi ;; \frac\pi4 ;; -\frac\pi4+k\pi
\text{June 5} ;; June 5 || June 6 ;; July 5 ;; 5
\lfloor x\rfloor ;; \left\lfloor x \right\rfloor || \lceil x\rceil ;; x ;; [x]
\gcd(12,18) ;; 6 || 36 ;; 12 ;; (12,18)
5\times 7 ;; 35 ;; 7\times5 ;; 5*7 ;; 5 × 7 || 57 ;; 12 ;; 5x7y ;; 5,7
2x^2y^3 ;; 2y^3x^2 ;; 2\cdot x^2\cdot y^3 || 2x^3y^2 ;; 2x^2y^2 ;; (2xy)^5 ;; 2x^{23}y
\left(\frac{1}{2},-\frac{3}{4}\right) ;; (0.5,-0.75) ;; (1/2,-3/4) ;; \left(\tfrac12,-\tfrac34\right) || (\frac12,\frac34) ;; (-\frac34,\frac12) ;; (2,-\frac43)
5 \text{ or } 7 ;; 7 or 5 ;; 5,7 ;; x=5 or x=7 ;; \{5,7\} ;; 5 \text{ and } 7 || 5 ;; 7 ;; 5 or 8 ;; 57 ;; 12 ;; (7,5) ;; 35
\frac{9}{4}\text{ hours} ;; 2.25 ;; 2\frac14 ;; 135\text{ minutes} ;; 2.25\text{ hours} || 2.4 ;; \frac49 ;; 135 ;; 2\frac14\text{ days}
1:2:3 ;; 1 : 2 : 3 || 3:2:1 ;; 1:2 ;; 123 ;; 1:2:4
3\sqrt{2}-2\sqrt{3} ;; -2\sqrt3+3\sqrt2 ;; \sqrt{18}-\sqrt{12} || 3\sqrt2+2\sqrt3 ;; 2\sqrt3-3\sqrt2 ;; 3\sqrt3-2\sqrt2 ;; 0.78
\frac{\sqrt{6}-\sqrt{2}}{4} ;; \sin 15^\circ ;; \cos 75^\circ ;; \sin\frac{\pi}{12} ;; \frac{\sqrt{3}-1}{2\sqrt2} || \frac{\sqrt6+\sqrt2}{4} ;; \cos15^\circ ;; \sin 15 ;; 0.26 ;; \frac{\sqrt2-\sqrt6}{4}
\frac{1}{1-x} ;; (1-x)^{-1} ;; -\frac{1}{x-1} ;; 1/(1-x) || \frac{1}{x-1} ;; 1-x ;; \frac{1}{1+x} ;; 1/1-x
\ln\left(\frac{x}{y}\right) ;; \ln x-\ln y ;; -\ln\frac yx || \frac{\ln x}{\ln y} ;; \ln x+\ln y ;; \ln\frac yx
x^{-2} ;; \frac{1}{x^2} ;; \left(\frac1x\right)^2 || -x^2 ;; x^2 ;; \frac{1}{2x} ;; -2x
(-\infty, -\frac{3}{2}] ;; x\le -1.5 ;; \left(-\infty,-\tfrac32\right] ;; x\leq-\frac32 || x<-\frac32 ;; x\le\frac32 ;; [-\frac32,\infty) ;; x\ge-\frac32 ;; (-\infty,\frac32]
5 ;; \fbox{5} ;; \color{red}{5} ;; \underline{5} ;; \textcolor{blue}{5} ;; 5? ;; 5; ;; \mathrm{5} ;; \text{ 5 } ;; {5} ;; \boxed{\text{5}} ;; x=10/2=5 ;; \text{It is } 5 ;; The answer is 5 ;; answer: 5 ;; \text{Answer: }5 ;; a=5 ;; AB=5 ;; \overline{AB}=5 ;; |AB|=5 ;; BC = 5\text{ cm} ;; \angle C=5^\circ ;; 5^o ;; 5^{o} ;; 5 USD ;; 5 euros ;; 5\text{ units} ;; 5\text{ square units} ;; 3+2=5 ;; 5=3+2 ;; x_1=5 ;; \lambda=5 ;; m+n=5 ;; \{5\} || not 5 ;; 5 is wrong ;; 5\text{ is not the answer} ;; \neq 5 ;; x\neq5 ;; <5 ;; 5 or not ;; \text{anything but }5 ;; \text{not }5 ;; 5 5 ;; 5,5 ;; 5+5 ;; 5\cdot5 ;; 5-5 ;; 55 ;; 5 \text{ or } 6 ;; 5\pm 1 ;; 4=5 ;; 5=4+2 ;; 3+3=5 ;; 5\text{ if }x>0 ;; 5n ;; 5m ;; 5m+1 ;; \frac{5}{2} ;; 5\frac12 ;; 5^{5} ;; 5.5 ;; 0.05 ;; -5 ;; 5^{-1} ;; |x|=5,-5 ;; x=5,y=6 ;; (5,0) ;; 5:5 ;; \sqrt{5} ;; \text{five hundred} ;; 5! ;; 4<x<6 ;; x=5\text{ is not a solution} ;; \mathbb{Z} ;; \text{all} ;; 5\infty ;; \{5,6\} ;; 5 less than 10 ;; 5 more ;; \sin 5 ;; 5e ;; 5\text{ million} ;; 5\text{ thousand} ;; 5\text{ hundred} ;; 5 dozen ;; 5k ;; \text{about }6 ;; a5 ;; 5a ;; V5 ;; x^5 ;; x5 ;; (5;6) ;; 5/0 ;; 0/5 ;; 5-0.0001 ;; 5.000001 ;; 4.999999 ;; 4.9999999
A ;; (A) 12 ;; (A). ;; [A] ;; {A} ;; \text{(A)}. ;; \textbf{A} || (A) or (B) ;; (A), (B) ;; (A)(B) ;; A, B ;; A. B ;; (A)+(B) ;; A or B ;; AB ;; \text{A and B} ;; (B) A ;; (A) 5 (B) 6 ;; not A ;; \text{not (A)} ;; \neg A ;; A' ;; A_1 ;; 2A ;; -A ;; \overline{A} ;; A=B ;; A: B ;; (A)/(B) ;; A^2 ;; (A) and (C) ;; \text{(A) or (B)} ;; \alpha ;; (D) A
C ;; (C) \frac{1}{2} ;; (C)\ \sqrt{2} ;; \text{(C) } \pi ;; (C) 5\text{ cm} ;; \textbf{(C)}\;\frac{3}{4} ;; (C) yes ;; (C) \text{none of these} ;; C) 3/4 ;; c || (C) (D) ;; G ;; \text{(D) } C ;; (A) C ;; CC
1000000 ;; 10^6 ;; 1'000'000 ;; 1,000,000 ;; 1 \times 10^6 ;; 1 x 10^6 ;; 1 000 000 ;; 1e6 ;; 1.0e6 ;; 1000^2 || 1,000,00 ;; 1.000.000 ;; 100,000 ;; 10^5 ;; 10^7 ;; 1,000 ;; 1000001
299792458 ;; 2.99792458\times10^8 ;; 299,792,458 ;; 299792458\text{ m/s} ;; 299\,792\,458 || 3\times10^8 ;; 299792459 ;; 2.99792458\times10^9 ;; 299792.458
0.1 ;; .1 ;; 1/10 ;; 10\% ;; 1e-1 ;; 0.10 ;; 10^{-1} ;; \frac{1}{10} ;; \frac{.1}{1} || 0.01 ;; 1 ;; 10 ;; 0.1\% ;; 1\% ;; 0.11 ;; 0.09999999 ;; 0.1000001
1 ;; 0.999\ldots ;; 100\% ;; \sin^2x+\cos^2x ;; e^0 ;; \frac{7}{7} ;; 0! ;; \tan\frac\pi4 ;; \ln e ;; \log_5 5 ;; -i^2 ;; |{-1}| ;; 1.000000 || 0.99 ;; 0.999999 ;; 0.9999999 ;; 1\% ;; 0 ;; 1.0000001 ;; -1 ;; i ;; x/y ;; 11
\frac{1}{7} ;; 0.\overline{142857} ;; 0.142857142857\ldots ;; 0.14285714 || 0.142857\overline{1} ;; 0.\overline{14285} ;; 0.1428 ;; 0.\overline{142875} ;; 0.14 ;; 7 ;; \frac17x
3.\overline{27} ;; \frac{36}{11} ;; 3\frac{3}{11} ;; 3.2727\ldots ;; 3.27272727... || 3.27 ;; 3.2\overline{7} ;; 3.\overline{72} ;; \frac{36}{110}
6.25\times10^{-5} ;; 0.0000625 ;; 6.25e-5 ;; \frac{1}{16000} ;; 625\times10^{-7} ;; 6.25 \cdot 10^{-5} ;; 6.25\times 10^{-5}\text{ m} || 6.25\times10^{-4} ;; 6.25\times10^5 ;; 6.52\times10^{-5} ;; 0.00006 ;; 0.000063 ;; 6.25 ;; 10^{-5}
1.6\times 10^{-19} ;; 1.6e-19 ;; 16\times10^{-20} ;; 1.6\times10^{-19}\text{ C} || 1.6\times10^{-18} ;; 1.7\times10^{-19} ;; 1.6 ;; 0 ;; 1.61\times10^{-19} ;; -1.6\times10^{-19}
10^{-15} ;; \frac{1}{10^{15}} ;; 0.000000000000001 || 2\cdot 10^{-15} ;; 10^{-16} ;; 0 ;; 10^{-14} ;; \frac{1}{10^{15}+1}
\frac{1}{2^{100}} ;; 2^{-100} ;; 4^{-50} || \frac{1}{2^{101}} ;; \frac{1}{2^{100}+1} ;; 0 ;; \frac{1}{3^{100}}
90^\circ ;; 90^{\circ} ;; 90° ;; 90\degree ;; 90\text{ deg} ;; 90^\circ. ;; x=90^\circ ;; \angle ABC=90^\circ ;; 90\,^\circ ;; 90^{\text{o}} || 91° ;; 90\text{ rad} ;; 180^\circ ;; 9^\circ ;; 90^\circ C ;; 0^\circ
25^\circ\text{C} ;; 25 ;; 25°C ;; 25℃ ;; 25^\circ C ;; 25^{\circ}\mathrm{C} ;; 25\text{ degrees Celsius} || 25^\circ F ;; 52°C ;; 25^\circ\text{F} ;; 77
\sin 30^\circ ;; 0.5 ;; \frac12 ;; \cos 60^\circ ;; ½ || \sin 30 ;; \frac{\sqrt3}{2} ;; 30 ;; \sin 60^\circ ;; 0.05
\tan 60^\circ ;; \sqrt3 ;; \tan\frac{\pi}{3} ;; √3 || \tan 60 ;; \frac{1}{\sqrt3} ;; 60
¾ ;; \frac34 ;; 0.75 ;; 75\% ;; 3/4 || 1¾ ;; ⅓ ;; 34 ;; 4/3
1½ ;; \frac32 ;; 1.5 ;; 1\frac12 ;; 1 1/2 || ½ ;; 1\cdot\frac12 ;; 11/2 ;; -1½
2√3 ;; 2\sqrt{3} ;; \sqrt{12} ;; √12 ;; 2 √3 || 3√2 ;; √6 ;; 2√2 ;; 23 ;; √(2+3) ;; 2√3i
√2/2 ;; \frac{\sqrt2}{2} ;; \frac{1}{\sqrt2} ;; 2^{-1/2} ;; 1/√2 || √(2/2) ;; √2 ;; 2/√3 ;; √1
x² ;; x^2 ;; x^{2} || 2x ;; x^3 ;; x_2 ;; x2
x³+x² ;; x^2(x+1) ;; x^3+x^2 || x^5 ;; x^3-x^2 ;; x²
(1,2) ;; ]1,2[ ;; \{x\mid 1<x<2\} ;; 2>x>1 ;; x\in(1,2) ;; 1 < t < 2 ;; 1,2 || 1\le x<2 ;; 1<x\le2 ;; 1\le x\le 2 ;; ]1,2] ;; [1,2[ ;; [1,2] ;; 1<x ;; x<2 ;; 1>x>2 ;; 2<x<1 ;; 0<x<2 ;; 1<x<3 ;; -1<x<2 ;; (1,2)\cup(2,3) ;; \{1,2\} ;; (1.2) ;; 12
[0,\infty) ;; x\ge0 ;; [0,+\infty) ;; x \geqslant 0 ;; [0,∞) ;; [0, \infty ) ;; x>=0 || (0,\infty) ;; x>0 ;; (-\infty,0] ;; [0,1) ;; x\le0 ;; [1,\infty) ;; [0,-\infty) ;; \mathbb{R}
(-\infty,-1)\cup(1,\infty) ;; x<-1\text{ or }x>1 ;; (1,\infty)\cup(-\infty,-1) ;; \mathbb{R}\setminus[-1,1] ;; x\in(-\infty,-1)\cup(1,+\infty) ;; x>1, x<-1 || (-1,1) ;; (-\infty,-1]\cup[1,\infty) ;; x>1 ;; |x|<1 ;; |x|\ge1 ;; (-\infty,1)\cup(-1,\infty)
-4\le x\le 4 ;; [-4,4] ;; |x|\le4 ;; 4\ge x\ge-4 ;; x\in[-4,4] || (-4,4) ;; [0,4] ;; |x|<4 ;; |x|\ge4 ;; -4\le y\le 4 ;; x\le4 ;; x=\pm4
m>\frac{1}{4} ;; \frac14<m ;; (\frac14,\infty) ;; m>0.25 ;; (0.25,\infty) || m<\frac14 ;; m\ge\frac14 ;; \frac14 ;; m=\frac14 ;; n>\frac14 ;; m>4
1-2i ;; -2i+1 ;; 1+(-2)i ;; 1 - 2i ;; \frac{5}{1+2i} || 1+2i ;; -1+2i ;; 2-i ;; -1 ;; 1-2 ;; 2i-1 ;; 1-2j ;; (1,-2) ;; \sqrt5
2i ;; \sqrt{-4} ;; 0+2i ;; 2\mathrm{i} ;; i\cdot2 ;; 2e^{i\pi/2} || -2i ;; 2 ;; i^2 ;; 2j ;; 2x ;; i ;; 2+i
\pm 2i ;; 2i,-2i ;; -2i, 2i ;; \pm\sqrt{-4} ;; x=\pm2i || 2i ;; \pm2 ;; \pm i ;; 2,-2
2\operatorname{cis}60^\circ ;; 1+\sqrt3i ;; 2e^{i\pi/3} ;; 2(\cos60^\circ+i\sin60^\circ) || 2 ;; 1-\sqrt3 i ;; 2\cos 60^\circ
x=2,y=-1 ;; (2,-1) ;; (x,y)=(2,-1) ;; y=-1,x=2 ;; x=2 \text{ and } y=-1 ;; x=2; y=-1 || x=-1,y=2 ;; (-1,2) ;; x=2 ;; x=2,y=1 ;; 2-1
a=3,b=4,c=5 ;; (3,4,5) ;; c=5,a=3,b=4 ;; (a,b,c)=(3,4,5) ;; a=3, b=4, c=5 || (4,3,5) ;; a=4,b=3,c=5 ;; a=3,b=4 ;; a=5,b=4,c=3
1 \text{ and } 4 ;; 1,4 ;; 4,1 ;; x=1,4 ;; \{1,4\} ;; 4 \text{ and } 1 ;; x=1 \text{ or } x=4 ;; x_1=1,x_2=4 ;; {1, 4} || 1 ;; 4 ;; (4,1) ;; [1,4] ;; 14 ;; 1.4 ;; 1,4,4 ;; 5 ;; 1,-4 ;; 1:4 ;; \frac14
\pm 3 ;; 3,-3 ;; -3,3 ;; x=\pm3 ;; \{-3,3\} ;; 3 \text{ or } -3 ;; ±3 ;; x=3\text{ or }x=-3 ;; \mp 3 || 3 ;; -3 ;; 9 ;; \pm9 ;; 3,3 ;; (3,-3) ;; \pm\sqrt3
0, 1, -1 ;; -1,0,1 ;; \{0,\pm1\} ;; 0,\pm1 ;; x=0,x=1,x=-1 || 0,1 ;; \pm1 ;; 0,1,1 ;; 0,-1
\{a,b\} ;; \{b,a\} ;; a,b || \{a\} ;; ab ;; (a,b) ;; \{A,B\}
\{(1,2),(2,1)\} ;; (2,1),(1,2) ;; (1,2)\text{ and }(2,1) ;; \{(2,1),(1,2)\} || (1,2) ;; \{(1,2)\} ;; (2,1) ;; \{1,2\} ;; (1,2),(1,2)
1,2,\ldots,10 ;; 1,2,...,10 ;; 1, 2, \dots, 10 || 1,2,\ldots,11 ;; 1,3,\ldots,10 ;; 1,10 ;; 1,2,10
y=3 ;; 3 ;; 3=y || x=4 ;; y=-3 ;; y=3x ;; y>3 ;; 3y=1 ;; y=30
y=-x+4 ;; y=4-x ;; x+y=4 ;; x+y-4=0 ;; 4-x ;; -x+4 ;; y+x=4 || y=x+4 ;; y=x-4 ;; x-y=4 ;; y=-x-4 ;; y=4 ;; x+y=0
3x-2y+6=0 ;; y=\frac32x+3 ;; 2y=3x+6 ;; -3x+2y-6=0 ;; 6x-4y=-12 || 3x+2y+6=0 ;; 3x-2y-6=0 ;; 3x-2y+6 ;; 2x-3y+6=0 ;; 3x-2y=6
f(x)=2x+1 ;; 2x+1 ;; y=2x+1 ;; f(x) = 1+2x || f(x)=2x-1 ;; 2x ;; f(x)=x+2 ;; x=2x+1 ;; f(x)=2x+1+x
a_n=2n+1 ;; 2n+1 ;; a_n = 1+2n ;; a_{n}=2n+1 || 2n-1 ;; a_n=n+2 ;; 3n ;; a_n=2n
f^{-1}(x)=\frac{x-1}{2} ;; \frac{x-1}{2} ;; y=\frac{x-1}{2} || \frac{x+1}{2} ;; \frac{2}{x-1} ;; 2x+1
\text{Volume}=12\pi ;; 12\pi ;; V=12\pi ;; 12\pi\text{ cm}^3 || 12 ;; 21\pi ;; 12\pi^2 ;; 6\pi
\frac{1}{2}=0.5 ;; 0.5 ;; \frac12 ;; \frac24 || 0.25 ;; 2 ;; 5
3.14 ;; 3.140 ;; \frac{157}{50} || \pi ;; 3.1415926 ;; 3.1 ;; 3.15 ;; 314 ;; \frac{22}{7}
3.14159265 ;; \pi || 3.14 ;; 3.14159266 ;; 3.141592 ;; \frac{22}{7} ;; 3.1415927
\begin{vmatrix}2&3\\1&4\end{vmatrix} ;; 5 ;; 8-3 || 11 ;; -5 ;; \begin{pmatrix}2&3\\1&4\end{pmatrix}
\begin{bmatrix}1&0\\0&1\end{bmatrix} ;; \begin{pmatrix}1&0\\0&1\end{pmatrix} ;; \begin{pmatrix}1.0&0\\0&1\end{pmatrix} ;; \begin{bmatrix} 1 & 0 \\[2pt] 0 & 1 \end{bmatrix} || \begin{pmatrix}0&1\\1&0\end{pmatrix} ;; 1 ;; \begin{pmatrix}1&0\\0&-1\end{pmatrix} ;; \begin{pmatrix}1&0&0\\0&1&0\\0&0&1\end{pmatrix}
\begin{pmatrix}x\\y\end{pmatrix} ;; \begin{bmatrix}x\\y\end{bmatrix} || \begin{pmatrix}y\\x\end{pmatrix} ;; xy ;; (y,x)
True ;; true ;; \text{True} ;; TRUE || False ;; T ;; 1 ;; eurt
\text{red} ;; red ;; Red ;; \mathrm{red} || der ;; \text{blue} ;; re d ;; erd ;; rde
\text{Sam} ;; Sam ;; sam || Mas ;; Ams ;; mas ;; Pam
\text{in} ;; in || ni ;; out ;; i\cdot n
\text{at} ;; at || ta ;; a t
\text{increasing} ;; increasing || decreasing ;; \text{in creasing}
\text{infinitely many} ;; infinitely many ;; Infinitely many. || many ;; \infty ;; none
\text{no solution} ;; no solution ;; No solution || a solution ;; \text{solution} ;; 0 ;; one solution
\text{Alice and Bob} ;; Alice and Bob ;; Bob and Alice || Alice ;; Bob ;; Alice and Rob ;; Alice or Carol
\text{right triangle} ;; right triangle ;; Right Triangle ;; a right triangle || triangle ;; left triangle ;; right
MN ;; \text{MN} || NM ;; M ;; N ;; M\cdot N ;; MNM
ABCD ;; \text{ABCD} || DCBA ;; ABDC ;; ABC ;; ACBD
TFT ;; \text{TFT} || TTF ;; FTT
abc ;; bca ;; a\cdot b\cdot c || ab ;; ac ;; a+b+c ;; abcd
ax+by ;; by+ax ;; a x+b y || bx+ay ;; ax-by ;; ax ;; abxy
pq-r ;; qp-r ;; -r+pq || pr-q ;; pq+r ;; p-qr
-\infty ;; −∞ || +\infty ;; \infty
\infty ;; \text{infinity} ;; +∞ || \text{DNE} ;; 10^{10}
101_2 ;; 101 ;; 101_{2} || 110_2 ;; 101_3 ;; 11_2 ;; 1012
2A_{16} || A2_{16} ;; 2A ;; 2B_{16} ;; 2A_{15}
\frac{x}{y} ;; x/y ;; xy^{-1} || \frac yx ;; xy ;; x-y ;; \frac{X}{Y}
\sqrt{x^2+1} ;; (x^2+1)^{1/2} ;; \sqrt{1+x^2} || x+1 ;; \sqrt{x^2-1} ;; x^2+1 ;; \sqrt{x^2}+1
\sqrt{x^2} ;; |x| || x ;; -x ;; x^2
2^{x+1} ;; 2\cdot2^x ;; 2^x\cdot 2 || 2^x+1 ;; 4^x ;; 2^{x-1} ;; 2x+2
\frac{1}{x}+\frac{1}{y} ;; \frac{x+y}{xy} ;; x^{-1}+y^{-1} || \frac{2}{x+y} ;; \frac{1}{x+y} ;; \frac{x+y}{2}
\cos^2\theta-\sin^2\theta ;; \cos2\theta ;; 1-2\sin^2\theta ;; 2\cos^2\theta-1 || \sin2\theta ;; 1 ;; \cos\theta ;; 2\cos\theta
\log_2 3 ;; \frac{\ln3}{\ln2} ;; \frac{\log 3}{\log 2} || \log_3 2 ;; \frac32 ;; \log_2 5 ;; 1.58
\lg 50 ;; \log_{10}50 ;; \log 50 || \ln 50 ;; 50 ;; \lg 5
\frac{\ln 2}{\ln 3} ;; \log_3 2 || \log_2 3 ;; \ln\frac23
e^{\ln 3} ;; 3 || e^3 ;; 9
12\text{ m/s} ;; 12 ;; 12 m/s ;; 12\text{ meters per second} ;; 12\,\mathrm{m/s} ;; 12\text{ m}/\text{s} || 12\text{ km/h} ;; 12\text{ m} ;; 12\text{ s} ;; 12\text{ m/s}^2 ;; 1.2 m/s
9.8\text{ m/s}^2 ;; 9.8 ;; 9.8 m/s^2 ;; 9.8\text{ m/s}^{2} || 9.8\text{ m/s} ;; 8.9 ;; 98
5\text{ ft} ;; 5 ;; 5 feet ;; 5\text{ feet} ;; 60\text{ inches} || 5\text{ in} ;; 5\text{ yards} ;; 5\text{ lb} ;; 5 m ;; 5\text{ miles}
8\text{ in} ;; 8 ;; 8\text{ inches} ;; 8 in ;; 8 in. || 8\text{ cm} ;; 8\text{ ft} ;; 8\text{ in}^2
250\text{ mL} ;; 250 ;; 250 ml ;; 0.25\text{ L} ;; 0.25\text{ liters} || 250\text{ L} ;; 250\text{ mg} ;; 25\text{ mL}
70\text{ kg} ;; 70 ;; 70 kg ;; 70000\text{ g} || 70\text{ g} ;; 70\text{ lb} ;; 70\text{ km}
25\text{ cents} ;; 25 ;; 25¢ ;; \$0.25 ;; 25 cents || \$25 ;; 25\text{ dollars} ;; 52 ;; \$2.5
\$1{,}250 ;; 1250 ;; \$1,250 ;; \$1250.00 ;; 1,250\text{ dollars} ;; 1250 dollars || \$1.25 ;; \$125 ;; 1250\text{ cents} ;; €1250 ;; \$1,205
£20 ;; 20 || \$20 ;; €20 ;; £2
30\text{ minutes} ;; 30 ;; 0.5\text{ hours} ;; 30 min ;; \frac12\text{ hour} || 30\text{ hours} ;; 30\text{ seconds} ;; 3
20\text{ students} ;; 20 ;; 20 students ;; 20\text{ student} || 20\text{ teachers} ;; 2 ;; 20\text{ km}
2\text{ PM} ;; 2 ;; 2 PM ;; 2\text{ p.m.} || 2\text{ AM} ;; 2 a.m. ;; 14
3:4 ;; 3{:}4 || 4:3 ;; 3:5 ;; 34 ;; 3.4 ;; 3:4:5 ;; \frac43
12:30 ;; 12:30\text{ PM} || 1:30 ;; 12:03 ;; 12:35 ;; 1230
\frac{3}{7} ;; 3/7 ;; 3\cdot\frac17 ;; \frac{3}{7}. ;; \frac{3}{7}\text{ of the class} ;; \text{The probability is }\frac{3}{7} ;; \frac{3}{7} \approx 0.43 ;; \frac{3}{7}\approx 0.4286 ;; P(A)=\frac37 ;; p = \frac{3}{7} ;; \frac{6}{14}=\frac37 ;; 0.428571428571\ldots || 0.43 ;; 0.4286 ;; \frac37 \approx 0.53 ;; \frac{3}{7}\pi ;; \frac{7}{3} ;; 3,7 ;; 37 ;; \frac{3}{70}
12\sqrt{3} - 4\pi ;; 4(3\sqrt{3}-\pi) ;; -4\pi+12\sqrt3 ;; 12√3 − 4π ;; 12\sqrt3-4\pi\text{ cm}^2 || 12\sqrt3+4\pi ;; 4\pi-12\sqrt3 ;; 12\sqrt{3}-4 ;; 8.22 ;; 12\sqrt2-4\pi
\frac{1}{2}\left(e-\frac{1}{e}\right) ;; \sinh 1 ;; \frac{e-e^{-1}}{2} ;; \frac{e^2-1}{2e} || \cosh 1 ;; \frac{e-1}{2} ;; \frac{e^2+1}{2e}
\arctan 2 ;; \tan^{-1} 2 ;; \tan^{-1}(2) ;; \arctan(2) ;; \frac{\pi}{2}-\arctan\frac12 || \tan 2 ;; \arctan\frac12 ;; \frac{1}{\tan 2} ;; \arcsin 2
2\cos\frac{\pi}{7} ;; 2\cos(\pi/7) ;; 2 \cos \frac{\pi}{7} || \cos\frac{2\pi}{7} ;; 2\cos\frac{7}{\pi} ;; 2\sin\frac{\pi}{7}
\sqrt{2+\sqrt{3}} ;; \frac{\sqrt6+\sqrt2}{2} ;; \sqrt{\frac32}+\sqrt{\frac12} || \sqrt{2}+\sqrt{3} ;; \sqrt{2-\sqrt3} ;; \sqrt{5}
\frac{9\sqrt{15}}{4}\text{ cm}^2 ;; \frac{9\sqrt{15}}{4} ;; 2.25\sqrt{15} ;; \frac94\sqrt{15} || \frac{9\sqrt{15}}{4}\text{ cm} ;; \frac{9\sqrt{15}}{2} ;; \frac{15\sqrt9}{4}
-\frac{3}{2}\le x<\frac12 ;; [-1.5,0.5) ;; \left[-\frac32,\frac12\right) ;; -1.5 ≤ x < 0.5 || (-1.5,0.5) ;; [-1.5,0.5] ;; [-1.5,5)
a=\frac{1}{2}, b=-3 ;; b=-3, a=0.5 ;; (\frac12,-3) ;; a=0.5\text{ and }b=-3 || a=-3,b=\frac12 ;; a=\frac12,b=3 ;; a=\frac12
x=1+\sqrt{2}, x=1-\sqrt{2} ;; 1\pm\sqrt2 ;; x=1\pm\sqrt2 ;; 1-\sqrt2,1+\sqrt2 ;; \{1+\sqrt2,1-\sqrt2\} || 1+\sqrt2 ;; -1\pm\sqrt2 ;; 1\pm\sqrt3 ;; 1,\sqrt2
\left\{\frac{\pi}{6},\frac{5\pi}{6}\right\} ;; \frac{\pi}{6},\frac{5\pi}{6} ;; x=\frac\pi6,\frac{5\pi}6 ;; \frac{5\pi}{6}\text{ and }\frac{\pi}{6} ;; \pi/6, 5\pi/6 || \frac\pi6 ;; \frac\pi6,\frac{7\pi}{6} ;; \frac{\pi}{3},\frac{5\pi}{6}
\frac{x^2}{16}-\frac{y^2}{9}=1 ;; 9x^2-16y^2=144 ;; \frac{x^2}{4^2}-\frac{y^2}{3^2}=1 || \frac{y^2}{16}-\frac{x^2}{9}=1 ;; \frac{x^2}{9}-\frac{y^2}{16}=1 ;; \frac{x^2}{16}+\frac{y^2}{9}=1 ;; \frac{x^2}{16}-\frac{y^2}{9}=-1
y=\frac{1}{2}x^2-3 ;; y=0.5x^2-3 ;; \frac{x^2}{2}-3 ;; 2y=x^2-6 ;; y = \frac{x^2-6}{2} || y=\frac12x^2+3 ;; y=\frac12x-3 ;; y=2x^2-3
\frac{n}{n+1} ;; 1-\frac{1}{n+1} ;; n/(n+1) || \frac{n+1}{n} ;; \frac{1}{n+1} ;; n/n+1 ;; \frac{n}{n-1}
3^{n-1} ;; \frac{3^n}{3} ;; 3^{n}\cdot3^{-1} || 3^{n}-1 ;; 3^{n+1} ;; 3n-1 ;; n^3-1
\binom{n}{2} ;; \frac{n(n-1)}{2} ;; \frac{n!}{2!(n-2)!} || \binom{n}{3} ;; \frac{n(n+1)}{2} ;; \frac{n}{2} ;; n(n-1)
(x+2)(x-2)(x^2+4) ;; x^4-16 ;; (x^2-4)(x^2+4) || x^4+16 ;; (x^2-4)^2 ;; (x-2)(x^2+4)
\frac{2x+3}{x^2-1} ;; \frac{2x+3}{(x-1)(x+1)} ;; (2x+3)/(x^2-1) ;; \frac{3+2x}{x^2-1} || \frac{2x+3}{x^2+1} ;; \frac{2x-3}{x^2-1} ;; 2x+3/x^2-1
\sqrt{x}+1 ;; 1+x^{1/2} ;; x^{0.5}+1 ;; √x+1 || \sqrt{x+1} ;; \sqrt{x}-1 ;; x+1
\ln(x^2+1)+C ;; C+\ln(1+x^2) ;; \ln|x^2+1|+C || \ln(x^2+1) ;; \ln(x^2-1)+C ;; 2\ln(x+1)+C
\vec{v}=(1,2) ;; (1,2) ;; \langle1,2\rangle || (2,1) ;; (1,2,0)
8\text{ hours }30\text{ minutes} || 8 ;; 30 ;; 8\text{ hours}
\text{Monday, Tuesday} ;; Monday, Tuesday ;; Tuesday and Monday || Monday ;; Tuesday, Wednesday
A, C ;; C, A ;; A and C ;; \text{A and C} ;; \text{A, C} || A ;; A, B ;; C
\text{(B)} ;; B ;; (B) ;; b ;; \text{B} || A ;; (C) ;; \text{(D)}
\text{B} ;; (B) ;; B ;; \textbf{B} || C ;; \text{D}
(E) ;; E ;; e ;; \mathrm{(E)} || D ;; F
I ;; \text{I} ;; (I) || II ;; V ;; J
\text{II and III} ;; II and III ;; III and II || I and III ;; II ;; \text{I, II and III}
0 ;; -0 ;; \sin\pi ;; 0\text{ cm} ;; x=0 ;; 1-1 ;; \ln 1 ;; 0^\circ ;; 0\% ;; \log_{10} 1 || 10^{-20} ;; 1 ;; \emptyset ;; \{\} ;; 0.0001 ;; O ;; o ;; \epsilon ;; none ;; \text{no solution} ;; \{0,1\}
-0.5 ;; -\frac12 ;; -1/2 ;; -.5 ;; -50\% ;; -½ ;; \frac{-1}{2} ;; \frac{1}{-2} ;; -2^{-1} || 0.5 ;; -5 ;; -0.05 ;; -2 ;; \frac12
10^{100} ;; 1\times10^{100} ;; 100^{50} ;; 1e100 || 10^{99} ;; 10^{100}+1 ;; 10^{101} ;; \infty ;; 100^{10}
2^{2024} ;; 4^{1012} ;; 2\cdot2^{2023} ;; 2^{2025}-2^{2024} || 2^{2023} ;; 2^{2024}-1 ;; 2024^2 ;; 2^{2025}
\frac{2^{2024}-1}{3} ;; \frac{4^{1012}-1}{3} || \frac{2^{2024}+1}{3} ;; \frac{2^{2023}-1}{3} ;; \frac{2^{2024}}{3}
\sqrt{10^{-20}} ;; 10^{-10} ;; 1\times 10^{-10} || 10^{-20} ;; 10^{-11} ;; 0
1.0000000001 ;; 1+10^{-10} || 1 ;; 1.0000000002 ;; 1.000000001
0.333333 ;; \frac13 || 0.333334 ;; 0.33333 ;; \frac{1}{30}
\frac{1}{3}\text{ hour} ;; 20\text{ minutes} ;; \frac13 ;; \frac13\text{ hours} || 20 ;; 3\text{ hours}
4:3 ;; 4 : 3 ;; 4\colon 3 || 3:4 ;; 43 ;; 4.3
\text{2 hours} ;; 2 ;; 2 hours ;; 120 min || 2 minutes ;; 3
\text{5 cm} ;; 5 ;; 5 cm ;; 50\text{ mm} || 5 m ;; 5 km
7\text{ days} ;; 7 ;; 1\text{ week} ;; 7 days || 7 weeks ;; 7 hours ;; 1
100\text{ N} ;; 100 ;; 100\text{ newtons} || 100\text{ J} ;; 100\text{ kg}
5x\text{ cm} ;; 5x ;; 5x cm || 5 ;; 5x\text{ m} ;; x
x || y ;; X ;; 2x ;; 1 ;; \times
a || b ;; A ;; \alpha
e ;; \exp(1) ;; \mathrm{e} || E ;; 2.718 ;; e^2 ;; \epsilon
i ;; \sqrt{-1} ;; \mathrm{i} || -i ;; 1 ;; I ;; j
\pi ;; π ;; pi ;; 3.14159265 ;; \frac{2\pi}{2} || 3.14 ;; \frac{22}{7} ;; \Pi ;; p ;; 3.1416 ;; 180
\theta ;; θ || \phi ;; t ;; \Theta ;; 2\theta
\frac{\pi}{2} ;; π/2 ;; 0.5π || \frac{2}{\pi} ;; \pi ;; 90
[2, 3] ;; [2,3] ;; 2\le x\le3 || (2,3) ;; [3,2] ;; \{2,3\} ;; 2,3 ;; [2,3) ;; [23]
(3) ;; 3 || 4 ;; (4)
\$1.50 ;; 1.5 ;; \$1.5 ;; 150\text{ cents} ;; 1.50 || 150 ;; \$15 ;; 1.50\text{ cents}
20\% ;; 20 ;; 0.2 ;; \frac15 ;; 20\text{ percent} ;; 20\,\% || 2 ;; 0.02 ;; 80\% ;; 200\% ;; \frac14
150\% ;; 1.5 ;; 150 ;; \frac32 || 15 ;; 0.15 ;; 15\%
0.3\% ;; 0.003 ;; \frac{3}{1000} || 3 ;; 0.03 ;; 30\% ;; 3\%
\frac{5}{4} ;; 1.25 ;; 125\% ;; 1\frac14 || 125 ;; 12.5\% ;; 1.25\%
\dfrac{\dfrac{1}{2}}{3} ;; \frac16 || \frac{3}{2} ;; \frac32 ;; \frac{1}{\frac23}
((1,2),3) ;; ((1, 2), 3) || (1,(2,3)) ;; (1,2,3)
\{\{1\},2\} ;; \{2,\{1\}\} || \{3\}
(-1,0)\cup(0,1) ;; (0,1)\cup(-1,0) ;; (-1,1)\setminus\{0\} || (-1,1) ;; [-1,0)\cup(0,1] ;; (0,1)
(2,3)\cup\{5\} ;; \{5\}\cup(2,3) || (2,3) ;; (2,5) ;; (2,3)\cup(5,6)
\mathbb{Z} ;; ℤ || \mathbb{R} ;; \mathbb{N} ;; Z
\text{none} ;; none || one ;; all
x^2+x+1=0 ;; 2x^2+2x+2=0 || x^2+x+1 ;; x^2+x-1=0 ;; x^2-x+1=0
5 ;; 5 cm ;; 5\text{ square feet} ;; 5 feet squared ;; 5\text{ cm squared} || 5\text{x} ;; 5\text{ squared} ;; 5 squared ;; 5\text{ halves} ;; 5\text{ over }2 ;; 5 to 10 ;; 5\text{ below zero} ;; 5\text{ choose }2 ;; 5\text{ mod }7 ;; 5 factorial ;; \text{not }x=5 ;; x\text{ is not }5 ;; \text{neither is }5 ;; 5 hundredths ;; 5 tenths ;; 5z ;; 5\text{q}
x<-1\lor x>2 ;; x<-1 \text{ or } x>2 ;; (-\infty,-1)\cup(2,\infty) ;; x<-1 \vee x>2 || x<-1 ;; -1<x<2
x>1\land x<2 ;; (1,2) ;; 1<x<2 || x>1
35 ;; 35\% || 3.5\% ;; 0.35
\frac{5}{4} ;; 125\% || 1.25\% ;; \frac54\%
7.5 ;; 7.5\% ;; 7\frac12 || 0.75\% ;; 75\%
x\ne\pm2 ;; x\ne2, x\ne-2 ;; x\neq 2\text{ and }x\neq-2 ;; (-\infty,-2)\cup(-2,2)\cup(2,\infty) ;; \mathbb{R}\setminus\{-2,2\} || x\ne2 ;; x=\pm2 ;; \pm2 ;; x\ne\pm3
AB\parallel CD ;; AB \parallel CD || AB\perp CD ;; AB=CD ;; AC\parallel BD ;; AB
n\equiv1\pmod4 ;; n \equiv 1 \pmod{4} ;; n\equiv1 \mod 4 || n\equiv1\pmod3 ;; n\equiv2\pmod4 ;; n\equiv3\pmod4 ;; n=1 ;; 4
P(A\cup B)=0.7 ;; 0.7 ;; \frac{7}{10} ;; P(A \cup B) = 0.70 ;; 70\% || 0.07 ;; 7 ;; P(A\cup B)=0.6
\frac{\pi}{6}+2k\pi\ (k\in\mathbb{Z}) ;; \frac\pi6+2k\pi ;; \frac{\pi}{6}+2k\pi, k\in\mathbb{Z} || \frac\pi6+k\pi ;; \frac\pi6
\triangle ABC\sim\triangle DEF ;; \triangle ABC \sim \triangle DEF || \triangle ABC\cong\triangle DEF ;; \triangle ABC\sim\triangle DFE
\frac{\partial f}{\partial x}=2x ;; 2x ;; \frac{\partial f}{\partial x} = x+x || 2 ;; x ;; -2x
"""


def pairs() -> list[tuple[str, str, bool]]:
    """Each true answer with each of the others, and whether that is right."""
    found = []
    for line in (*TABLE.strip().splitlines(), *VARIANTS.strip().splitlines()):
        right, _, wrong = line.partition(" ||")
        gold, *others = right.split(" ;; ")
        found += [(gold, other.strip(), True) for other in (gold, *others)]
        found += [(gold, other.strip(), False) for other in wrong.split(" ;; ") if other.strip()]
    return found
